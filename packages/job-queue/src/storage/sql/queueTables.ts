import type { Prefix } from "@workglow/storage";
import type { SqlDialect } from "@workglow/storage/sql";
import { type LibraryColumn, type LibraryTable, tenantTableName } from "./LibraryTable.ts";

export const LEASES_TABLE: LibraryTable = {
  name: "_workglow_job_leases",
  key: ["instance"],
  columns: [
    { name: "instance", type: "text" },
    { name: "expires_at", type: "timestamp" },
  ],
  indexes: [],
  churns: true,
};

/** About what a claim adds to a row, in bytes. */
export const CLAIM_BYTES = 72;

const COLUMNS: readonly LibraryColumn[] = [
  { name: "queue", type: "text" },
  { name: "status", type: "text", default: "PENDING" },
  // Of PENDING jobs: 1 may be claimed now, 0 waits for its run_after.
  { name: "ready", type: "integer", default: 1 },
  { name: "priority", type: "integer", default: 0 },
  { name: "run_after", type: "timestamp" },
  { name: "run_attempts", type: "integer", default: 0 },
  { name: "max_retries", type: "integer", default: 10 },
  // How often an attempt was cut off, by the end of its worker or by its time-out.
  { name: "crashes", type: "integer", default: 0 },
  { name: "input", type: "json" },
  { name: "fingerprint", type: "text" },
  // Stands for fingerprint, queue and tenant in an index: an entry of a few bytes.
  { name: "fingerprint_hash", type: "integer" },
  { name: "created_at", type: "timestamp" },
  { name: "progress", type: "double", default: 0 },
  { name: "progress_message", type: "text", default: "" },
  { name: "progress_details", type: "json", nullable: true },
  { name: "output", type: "json", nullable: true },
  { name: "error", type: "text", nullable: true },
  { name: "error_code", type: "text", nullable: true },
  { name: "error_details", type: "json", nullable: true },
  { name: "last_ran_at", type: "timestamp", nullable: true },
  { name: "completed_at", type: "timestamp", nullable: true },
  { name: "deadline_at", type: "timestamp", nullable: true },
  { name: "worker_id", type: "text", nullable: true },
  { name: "lease_token", type: "text", nullable: true },
  // Set while the job is PROCESSING or ABORTING, and only then.
  { name: "lease_instance", type: "text", nullable: true },
  { name: "timeout_ms", type: "integer", nullable: true },
  // Set while an attempt runs that has a time-out.
  { name: "timeout_at", type: "timestamp", nullable: true },
  { name: "job_run_id", type: "text", nullable: true },
  { name: "backoff", type: "json", nullable: true },
  { name: "tags", type: "json", nullable: true },
  { name: "trace_context", type: "json", nullable: true },
  { name: "parent_ids", type: "json", nullable: true },
  { name: "group_key", type: "text", nullable: true },
  { name: "dedupe_key", type: "text", nullable: true },
  // Blanks until the first claim takes their place: a row that grows has its page split.
  { name: "room", type: "text", nullable: true },
];

/** The jobs of all queues whose storages have these tenant columns. */
export function jobTable(dialect: SqlDialect, prefixes: readonly Prefix[]): LibraryTable {
  const tenant = prefixes.map(({ name }) => name);
  const queue = [...tenant, "queue"];
  return {
    name: tenantTableName(dialect, "job_queue", tenant),
    key: { identity: "id" },
    columns: [...prefixColumns(prefixes), ...COLUMNS],
    tenant,
    indexes: [
      {
        // What next() claims, in its order.
        columns: [...queue, { descending: "priority" }, "run_after", "id"],
        where: `"status" = 'PENDING' AND "ready" = 1`,
      },
      {
        // What comes due.
        columns: [...queue, "run_after", "id"],
        where: `"status" = 'PENDING' AND "ready" = 0`,
      },
      { columns: [...queue, "lease_instance"], where: `"lease_instance" IS NOT NULL` },
      { columns: [...queue, "timeout_at"], where: `"timeout_at" IS NOT NULL` },
      {
        columns: [...queue, "status", "completed_at", "id"],
        where: `"completed_at" IS NOT NULL`,
      },
      { columns: ["fingerprint_hash"], where: `"status" = 'COMPLETED'` },
      { columns: [...queue, "job_run_id", "id"], where: `"job_run_id" IS NOT NULL` },
    ],
    churns: true,
  };
}

export function prefixColumns(prefixes: readonly Prefix[]): readonly LibraryColumn[] {
  return prefixes.map(({ name, type }) => ({ name, type: type === "number" ? "integer" : "text" }));
}

export function typeOfJobColumn(name: string): LibraryColumn["type"] {
  return COLUMNS.find((column) => column.name === name)?.type ?? "integer";
}
