import * as fc from "fast-check";

export type Due = "long ago" | "now" | "soon" | "in an hour";

/** Picks are taken modulo what there is to pick from. */
export type Step =
  | { do: "add"; jobs: { priority: number; due: Due; maxRetries: number }[] }
  | { do: "claim"; who: number; limit: number }
  | { do: "end"; pick: number; how: "COMPLETED" | "FAILED" | "DISABLED" | "again" | "later" }
  | { do: "release" | "end late" | "abort" | "delete"; pick: number }
  | { do: "progress"; pick: number; progress: number }
  | { do: "clean"; status: "COMPLETED" | "FAILED" | "DISABLED" }
  | { do: "wait" }
  | { do: "delete all" };

const pick = fc.nat(1000);
const due = fc.constantFrom<Due>("long ago", "now", "soon", "in an hour");
const priority = fc.integer({ min: -1, max: 1 });
const maxRetries = fc.integer({ min: 0, max: 2 });
const someJobs = fc.array(fc.record({ priority, due, maxRetries }), { minLength: 1, maxLength: 4 });
const how = fc.constantFrom("COMPLETED", "FAILED", "DISABLED", "again", "again", "later");

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("add" as const), jobs: someJobs }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("claim" as const),
      who: fc.nat(1),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("end" as const), pick, how }) as fc.Arbitrary<Step>,
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "release" as const,
        "end late" as const,
        "abort" as const,
        "delete" as const,
      ),
      pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("progress" as const),
      pick,
      progress: fc.integer({ min: 0, max: 100 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("clean" as const),
      status: fc.constantFrom("COMPLETED" as const, "FAILED" as const, "DISABLED" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "wait" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "delete all" }) },
);
