/**
 * Subscribes to `notes`, and when the first change comes ends the subscription and its pool, or
 * the pool alone; it never calls `process.exit`. `changeSubscriber.child.ts URL SCHEMA both|pool`
 */
import pg from "pg";
import { openPostgres } from "../../src/PostgresDatabase.ts";
import { notes } from "../noteSource.ts";

const [url, schema, ends] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url });
const { changeFeed } = openPostgres(pool, { schema });
const unsubscribe = changeFeed.subscribe(notes, async () => {
  if (ends === "both") unsubscribe();
  void changeFeed.idle().then(() => pool.end());
});
await unsubscribe.ready;
// A channel to the parent would keep the process running by itself.
process.send?.("ready", () => process.disconnect?.());
