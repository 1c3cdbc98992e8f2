/**
 * A queue in a process of its own, which makes the calls that it is sent.
 * `queueServer.child.ts FILE QUEUE LEASE_MS`; takes `{ method, args }`, answers `{ value }` or
 * `{ error }`.
 */
import { Sqlite } from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";

const [file, queueName, leaseMs] = process.argv.slice(2) as [string, string, string];
const db = new Sqlite.Database(file);
const queue = new SqliteQueueStorage(db, queueName, { leaseMs: Number(leaseMs) });
await queue.setupDatabase();

type Method = (...args: readonly unknown[]) => Promise<unknown>;

process.on("message", async ({ method, args }: { method: string; args: unknown[] }) => {
  try {
    const call = (queue as unknown as Record<string, Method>)[method] as Method;
    process.send?.({ value: await call.apply(queue, args) });
  } catch (error) {
    process.send?.({ error: (error as Error).name });
  }
});
process.send?.("ready");
