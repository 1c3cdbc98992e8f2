import type { PrefixColumn } from "@workglow/storage";
import { assert, assertEqual, assertThrowsInvalid } from "../assert.ts";
import type { Case, CaseContext } from "../harness.ts";
import type { TestRateLimiter } from "../queue/QueueSpec.ts";
import { sharedTables } from "../requirements.ts";
import { HOSTILE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { EPOCH } from "./times.ts";

const PREFIXES: readonly PrefixColumn[] = [
  { name: "user_id", type: "uuid" },
  { name: "project_id", type: "number" },
];

function tenant(c: CaseContext, user_id: string, project_id = 1): Promise<TestRateLimiter> {
  return c.rateLimiter({ options: { prefixes: PREFIXES, prefixValues: { user_id, project_id } } });
}

const cases: readonly Case[] = [
  {
    name: "tenants neither count nor limit each other",
    run: async (c) => {
      const tenants = [await tenant(c, "a", 1), await tenant(c, "a", 2), await tenant(c, "b", 1)];
      for (const limiter of tenants) {
        for (let i = 0; i < 2; i++) {
          assert(Boolean(await limiter.tryReserveExecution("q", 2, 60_000)), "it was refused");
        }
        assertEqual(await limiter.tryReserveExecution("q", 2, 60_000), null, "one too many");
        await limiter.recordExecution("q");
        assertEqual(await limiter.getExecutionCount("q", EPOCH), 3, "the count");
        assertEqual(await limiter.getOldestExecutionAtOffset("q", 3), undefined, "past the last");
      }
    },
  },
  {
    name: "a tenant cannot hold up, clear or release for another",
    run: async (c) => {
      const [mine, theirs] = [await tenant(c, "a"), await tenant(c, "b")];
      const token = (await theirs.tryReserveExecution("q", 5, 60_000)) as string;
      await mine.setNextAvailableTime("q", "2999-01-01T00:00:00Z");
      assertEqual(await theirs.getNextAvailableTime("q"), undefined, "the other's next time");
      assert(Boolean(await theirs.tryReserveExecution("q", 5, 60_000)), "the other was held up");
      await mine.releaseExecution("q", token);
      await mine.clear("q");
      assertEqual(await theirs.getExecutionCount("q", EPOCH), 2, "the other's count");
      await theirs.setNextAvailableTime("q", EPOCH);
      await mine.clear("q");
      assertEqual(await theirs.getNextAvailableTime("q"), EPOCH, "the other's next time");
    },
  },
  {
    name: "instances of one tenant share its limits",
    run: async (c) => {
      const [first, second] = [await tenant(c, "a"), await tenant(c, "a")];
      assert(Boolean(await first.tryReserveExecution("q", 1, 60_000)), "it was refused");
      assertEqual(await second.tryReserveExecution("q", 1, 60_000), null, "one too many");
    },
  },
  {
    name: "hostile prefix values are values, and any prefix name works",
    run: async (c) => {
      const values = HOSTILE_TEXTS.filter((text) => text !== "");
      for (const value of values) await (await tenant(c, value)).recordExecution("q");
      for (const value of values) {
        const count = await (await tenant(c, value)).getExecutionCount("q", EPOCH);
        assertEqual(count, 1, `the count of ${show(value)}`);
      }
      for (const name of ["select", 'a"b', "'; DROP TABLE x; --", "\u{1f600}", "constructor"]) {
        const prefixes = [{ name, type: "uuid" }] as const;
        for (const value of ["a", "b"]) {
          const limiter = await c.rateLimiter({
            options: { prefixes, prefixValues: { [name]: value } },
          });
          await limiter.recordExecution("q");
          const count = await limiter.getExecutionCount("q", EPOCH);
          assertEqual(count, 1, `the count with the prefix ${show(name)}`);
        }
      }
    },
  },
  {
    name: "refuses prefixes that cannot be",
    run: async (c) => {
      for (const name of ["", "x".repeat(64), "a\0b", "queue", "QUEUE"]) {
        const options = { prefixes: [{ name, type: "uuid" }], prefixValues: { [name]: "a" } };
        const make = () => c.constructRateLimiter({ options } as never);
        assertThrowsInvalid(make, `the prefix ${show(name)}`);
      }
      for (const prefixValues of [{}, { user_id: 5, project_id: 1 }, { user_id: "a" }]) {
        const options = { prefixes: PREFIXES, prefixValues } as never;
        assertThrowsInvalid(() => c.constructRateLimiter({ options }), show(prefixValues));
      }
    },
  },
];

export const tenantCases: readonly Case[] = cases.map((one) => ({
  ...one,
  requires: [sharedTables],
}));
