import type { Prefix } from "@workglow/storage";
import type { SqlDialect } from "@workglow/storage/sql";
import { type LibraryTable, tenantTableName } from "./LibraryTable.ts";
import { prefixColumns } from "./queueTables.ts";

/** When executions happened. */
export function executionsTable(dialect: SqlDialect, prefixes: readonly Prefix[]): LibraryTable {
  const tenant = prefixes.map(({ name }) => name);
  return {
    name: tenantTableName(dialect, "job_rate_limit_executions", tenant),
    key: { identity: "id" },
    columns: [
      ...prefixColumns(prefixes),
      { name: "queue", type: "text" },
      { name: "executed_at", type: "timestamp" },
    ],
    tenant,
    indexes: [{ columns: [...tenant, "queue", "executed_at", "id"] }],
    churns: true,
  };
}

/** One row for each queue: who reserves locks it, so that reservations come one after the other. */
export function limitsTable(dialect: SqlDialect, prefixes: readonly Prefix[]): LibraryTable {
  const tenant = prefixes.map(({ name }) => name);
  return {
    name: tenantTableName(dialect, "job_rate_limit_next_available", tenant),
    key: [...tenant, "queue"],
    columns: [
      ...prefixColumns(prefixes),
      { name: "queue", type: "text" },
      { name: "next_available_at", type: "timestamp", nullable: true },
      // The longest window that was asked for: what is older has no effect any more.
      { name: "window_ms", type: "integer", default: 0 },
    ],
    tenant,
    indexes: [],
    churns: true,
  };
}
