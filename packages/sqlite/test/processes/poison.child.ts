/**
 * A worker as users write one; a job called "poison" ends its process. `poison.child.ts FILE LOG`
 */
import { appendFileSync } from "node:fs";
import { Sqlite } from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";

const [file, log] = process.argv.slice(2) as [string, string];
const queue = new SqliteQueueStorage<string, string>(new Sqlite.Database(file), "mixed", {
  leaseMs: 300,
});

for (;;) {
  const job = await queue.next("worker");
  if (job === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    continue;
  }
  appendFileSync(log, `${job.input}\n`);
  if (job.input === "poison") process.exit(3);
  await queue.complete({ ...job, status: "COMPLETED", output: job.input.toUpperCase() });
}
