/**
 * Subscribes to `notes` and has nothing else to do; ends the subscription, or closes the database
 * under it, with the first change. `changeListener.child.ts FILE unsubscribe|close`
 */
import Database from "better-sqlite3";
import { sqliteChangeFeed } from "../../src/changes/sqliteChangeFeed.ts";
import { SqliteConnection } from "../../src/SqliteConnection.ts";
import { SqliteExecutor } from "../../src/SqliteExecutor.ts";
import { notes } from "../noteSource.ts";

const [file, end] = process.argv.slice(2);
const db = new Database(String(file));
const feed = sqliteChangeFeed(new SqliteExecutor(new SqliteConnection(db, false)));
const unsubscribe = feed.subscribe(notes, () => {
  if (end === "close") db.close();
  else unsubscribe();
});
await unsubscribe.ready;
process.send?.("ready");
