import type { SqlExecutor } from "@workglow/storage/sql";

/**
 * The transactions that have written to a table, or are about to, and have not ended: whoever
 * writes holds this lock to the end, and lets go of it only when others see what was committed.
 */
export async function openWriters(
  executor: SqlExecutor,
  oid: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await executor.execute({
    text: `SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted AND relation = $1::oid
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    params: [oid],
  });
  return new Set(rows.map(([transaction]) => String(transaction)));
}

/** Those of some transactions that have not ended. */
export async function stillOpen(
  executor: SqlExecutor,
  oid: number,
  writers: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  if (writers.size === 0) return writers;
  const open = await openWriters(executor, oid);
  return new Set([...writers].filter((writer) => open.has(writer)));
}
