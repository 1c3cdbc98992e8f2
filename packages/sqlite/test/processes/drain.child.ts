/**
 * Works until the queue is empty, noting each job in an append-only log before it completes it.
 * `drain.child.ts FILE LOG NAME DRIVER one|batches`
 */
import { appendFileSync } from "node:fs";
import type { StoredJob } from "@workglow/job-queue";
import { Sqlite, type SqliteDriverName } from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";

const [file, log, name, driver, way] = process.argv.slice(2) as [
  string,
  string,
  string,
  SqliteDriverName,
  "one" | "batches",
];
await Sqlite.init({ driver });
const db = new Sqlite.Database(file);
const queue = new SqliteQueueStorage<number, string>(db, "numbers");

function note(jobs: readonly StoredJob<number, string>[]): void {
  appendFileSync(log, jobs.map(({ input }) => `${input} ${name}\n`).join(""));
}

/** Takes one job after the other. */
async function oneByOne(): Promise<void> {
  for (;;) {
    const job = await queue.next(name);
    if (job === undefined) return;
    note([job]);
    await queue.complete({ ...job, status: "COMPLETED", output: name });
  }
}

async function inBatches(): Promise<void> {
  for (;;) {
    const jobs = await queue.nextMany(name, 20);
    if (jobs.length === 0) return;
    note(jobs);
    await queue.completeMany(jobs.map((job) => ({ ...job, status: "COMPLETED", output: name })));
  }
}

process.once("message", async () => {
  const work = way === "one" ? oneByOne : inBatches;
  await Promise.all(Array.from({ length: way === "one" ? 8 : 1 }, work));
  await queue[Symbol.asyncDispose]();
  db.close();
  process.exit(0);
});
process.send?.("ready");
