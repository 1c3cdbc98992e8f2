/**
 * Subscribes to `notes` and sends each change to its parent.
 * `changeSubscriber.child.ts FILE LEASE_MS [SINCE]`
 */
import Database from "better-sqlite3";
import { sqliteChangeFeed } from "../../src/changes/sqliteChangeFeed.ts";
import { SqliteConnection } from "../../src/SqliteConnection.ts";
import { SqliteExecutor } from "../../src/SqliteExecutor.ts";
import { notes } from "../noteSource.ts";

const [file, leaseMs, since] = process.argv.slice(2);
const db = new Database(String(file));
const feed = sqliteChangeFeed(new SqliteExecutor(new SqliteConnection(db, false)), {
  leaseMs: Number(leaseMs),
});
// The parent must not lose a change in a pipe that is cut: each is handed over before the next.
const send = (message: unknown): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });

const unsubscribe = feed.subscribe(notes, (change) => send({ change }), {
  pollingIntervalMs: 10,
  since,
});
await unsubscribe.ready;
await send("ready");
process.once("message", () => {
  unsubscribe();
  void feed.idle().then(() => process.exit(0));
});
