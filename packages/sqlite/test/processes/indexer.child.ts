/**
 * Works on jobs as the document search does: a row, its vectors and the end of the job commit
 * together. `indexer.child.ts FILE NAME`
 */
import { Sqlite, withTransaction } from "@workglow/sqlite";
import { storagesOn } from "./storages.ts";

const [file, name] = process.argv.slice(2) as [string, string];
const db = new Sqlite.Database(file);
const { documents, chunks, queue, setUp } = storagesOn(db);
await setUp();
process.send?.("ready");

for (;;) {
  const job = await queue.next(name);
  if (job === undefined) break;
  await withTransaction(db, async (tx) => {
    await documents.with(tx).put({ path: job.input, size: 3 });
    for (let place = 0; place < 3; place++) {
      const vector = new Float32Array([1, place, Number.parseInt(job.input, 10) + 1]);
      await chunks.with(tx).put({ path: job.input, place, vector });
      // Gives a SIGKILL its chance in the middle.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await queue.with(tx).complete({ ...job, status: "COMPLETED", output: name });
  });
}
process.send?.("done");
process.disconnect();
