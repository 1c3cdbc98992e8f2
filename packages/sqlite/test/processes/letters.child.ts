/**
 * Takes letters through their whole life: added, claimed, reported on, completed, deleted.
 * `letters.child.ts FILE NAME COUNT`
 */
import { Sqlite } from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";

const [file, name, count] = process.argv.slice(2) as [string, string, string];
const db = new Sqlite.Database(file);
const queue = new SqliteQueueStorage<string, string>(db, "letters");

for (let i = 0; i < Number(count); i++) {
  await queue.add({ input: `${name}${i}`, run_after: null, completed_at: null });
  // Not always its own.
  const job = await queue.next(name);
  if (job === undefined) continue;
  await queue.saveProgress(job.id, 50, `by ${name}`, null);
  await queue.complete({ ...job, status: "COMPLETED", output: name });
  await queue.delete(job.id);
}
await queue[Symbol.asyncDispose]();
db.close();
process.disconnect();
