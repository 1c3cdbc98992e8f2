import type { SqlProgram } from "@workglow/storage/sql";
import type { PostgresExecutor } from "../PostgresExecutor.ts";
import { subscribersTable } from "./changeLogNames.ts";
import { type LeasedLog, lockLog, NOW_MS, removeDeadLeases } from "./leasePrograms.ts";

/** Rows removed in one go, so that nobody waits long. */
const TRIMMED_AT_ONCE = 5_000;

/**
 * Removes the oldest changes that no subscriber waits for, but for the `retained` newest ones. The
 * change at which the slowest subscriber stands remains, by which it sees that none is missing.
 * Whether there are more.
 */
export function* trimLog(
  { oid, name, subscribers }: Pick<LeasedLog, "oid" | "name" | "subscribers">,
  retained: number,
): SqlProgram<boolean> {
  const { changes } = yield {
    text: `DELETE FROM ${name} WHERE "tableoid" = $1::bigint::oid AND "seq" IN (
  SELECT "seq" FROM ${name} WHERE "seq" < (SELECT least(
    (SELECT min("position") FROM ${subscribers} WHERE "log" = $1::bigint AND "expires_ms" > ${NOW_MS}),
    (SELECT max("seq") - $2::bigint FROM ${name})))
  ORDER BY "seq" LIMIT ${TRIMMED_AT_ONCE})`,
    params: [oid, retained],
  };
  return changes === TRIMMED_AT_ONCE;
}

/** Removes the leases of subscribers that died, and the changes that nobody can ask for any more. */
export async function sweepLogs(executor: PostgresExecutor): Promise<void> {
  const subscribers = subscribersTable(executor.dialect);
  const { rows } = await executor.execute({
    text: `SELECT DISTINCT "log", (SELECT c.oid::regclass::text FROM pg_class c WHERE c.oid = s."log"::oid AND c.relname LIKE '\\_workglow\\_changes\\_%')
FROM ${subscribers} s WHERE "expires_ms" <= ${NOW_MS}`,
    params: [],
  });
  for (const [oid, name] of rows) {
    await sweepLog(executor, subscribers, Number(oid), name === null ? undefined : String(name));
  }
}

async function sweepLog(
  executor: PostgresExecutor,
  subscribers: string,
  oid: number,
  name: string | undefined,
): Promise<void> {
  let more = true;
  while (more) {
    more = await executor.aside(function* () {
      yield* lockLog(oid);
      const { rows } = yield {
        text: `SELECT count(*) FROM ${subscribers} WHERE "log" = $1::bigint AND "expires_ms" > ${NOW_MS}`,
        params: [oid],
      };
      const abandoned = Number(rows[0]?.[0]) === 0;
      const left =
        name !== undefined && abandoned && (yield* trimLog({ oid, name, subscribers }, 1));
      // Last: as long as one is left, the next sweep goes on.
      if (!left) yield* removeDeadLeases({ oid, subscribers });
      return left;
    });
  }
}
