import { StorageBusyError, StorageError, StorageTransactionError } from "@workglow/util";
import type { PgConnection } from "./PgConnection.ts";

/**
 * Commits what is open on a connection.
 *
 * @throws StorageTransactionError where the server rolled back instead, as a statement had failed
 * @throws StorageBusyError where the connection ended meanwhile and nobody knows how it ended
 */
export async function commit(connection: PgConnection): Promise<void> {
  let done: string;
  const wasBroken = connection.broken;
  try {
    done = await connection.command("COMMIT");
  } catch (cause) {
    if (cause instanceof StorageError || !connection.broken || wasBroken) throw cause;
    if (isNotSent(cause)) throw cause;
    throw new StorageBusyError(
      "the connection ended during the commit: whether it took effect is not known",
      { code: "COMMIT_UNKNOWN", cause },
    );
  }
  if (done !== "COMMIT") refuseRollback();
}

/** The driver takes nothing for a connection whose end it has seen. */
const isNotSent = (error: unknown): boolean =>
  error instanceof Error && error.message.includes("not queryable");

/** @throws StorageTransactionError */
export function refuseRollback(): never {
  throw new StorageTransactionError(
    "the transaction was rolled back, as one of its statements had failed",
  );
}
