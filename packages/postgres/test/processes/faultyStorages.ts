import { PostgresKvStorage, PostgresTabularStorage } from "@workglow/postgres";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import type pg from "pg";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, bulk: { type: "string" }, n: { type: "integer" } },
  required: ["id", "bulk", "n"],
  additionalProperties: false,
} as const;

/** What the programs of fault tests write to, and the tests look into. */
export function faultyStorages(pool: pg.Pool) {
  return {
    rows: new PostgresTabularStorage(pool, "faulty_rows", schema, ["id"] as const, ["n"]),
    settings: new PostgresKvStorage<string, unknown>(pool, "faulty_settings"),
  };
}

const LEASE_MS = 1_000;

export function faultyQueue(pool: pg.Pool) {
  return new PostgresQueueStorage<string, string>(pool, "faulty", { leaseMs: LEASE_MS });
}
