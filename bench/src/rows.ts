import type { DataPortSchemaObject } from "@workglow/util/schema";

/** About 220 bytes: what an application's user or product row weighs. */
export interface BenchRow {
  id: string;
  name: string;
  email: string;
  age: number;
  score: number;
  active: boolean;
  created_at: string;
  note: string;
}

export const BenchSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    email: { type: "string" },
    age: { type: "integer" },
    score: { type: "number" },
    active: { type: "boolean" },
    created_at: { type: "string" },
    note: { type: "string" },
  },
  required: ["id", "name", "email", "age", "score", "active", "created_at", "note"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
export const BenchKey = ["id"] as const;

export const COLUMNS = Object.keys(BenchSchema.properties) as (keyof BenchRow)[];

const NOTE = "A note of the length that people write when nobody asks them to keep it short. ";

function benchRow(n: number): BenchRow {
  return {
    id: benchId(n),
    name: `Person Number ${n}`,
    email: `person.${n}@example.com`,
    age: (n * 7919) % 1000,
    score: (n % 1000) / 7,
    active: n % 3 === 0,
    created_at: new Date(1_700_000_000_000 + n * 1000).toISOString(),
    note: NOTE,
  };
}

/** Rows 0 to `count - 1`: made before the clock runs. */
export const benchRows = (count: number): readonly BenchRow[] =>
  Array.from({ length: count }, (_, n) => benchRow(n));

const benchId = (n: number): string => `user:${String(n).padStart(8, "0")}`;

/** Deterministic numbers in [0, below), the same for every contender. */
function* randomNumbers(seed: number, below: number): Generator<number, never> {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield Math.floor((state / 2 ** 32) * below);
  }
}

export function numbers(count: number, below: number, seed = 42): number[] {
  const source = randomNumbers(seed, below);
  return Array.from({ length: count }, () => source.next().value);
}
