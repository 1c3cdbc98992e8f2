/**
 * Sets up storages of every kind when it is told to, and uses each once. `setupOfAll.child.ts FILE NAME`
 */
import { Sqlite } from "@workglow/sqlite";
import { storagesOn } from "./storages.ts";

const [file, name] = process.argv.slice(2) as [string, string];

process.once("message", async () => {
  const db = new Sqlite.Database(file);
  const { documents, chunks, settings, queue, limiter, setUp, dispose } = storagesOn(db);
  await setUp();
  await setUp();
  await documents.put({ path: name, size: 1 });
  await chunks.put({ path: name, place: 0, vector: new Float32Array([1, 2, 3]) });
  await settings.put(name, { set: true });
  await queue.add({ input: name, run_after: null, completed_at: null });
  await limiter.recordExecution("paths");
  await dispose();
  db.close();
  process.exit(0);
});
process.send?.("ready");
