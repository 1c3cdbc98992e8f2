/**
 * Works until the queue is empty, noting each job in an append-only log before it hands it in.
 * `queueDrain.child.ts URL SCHEMA LOG NAME one|batches|rounds`
 */
import { appendFileSync } from "node:fs";
import type { StoredJob } from "@workglow/job-queue";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import pg from "pg";

const [url, schema, log, name, way] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  "one" | "batches" | "rounds",
];
const pool = new pg.Pool({ connectionString: url, max: 4 });
const queue = new PostgresQueueStorage<number, string>(pool, "jobs", { schema });
type Held = readonly StoredJob<number, string>[];

function done(jobs: Held) {
  appendFileSync(log, jobs.map(({ input }) => `${input} ${name}\n`).join(""));
  return jobs.map((job) => ({ ...job, status: "COMPLETED" as const, output: name }));
}

/** Takes one job after the other, several at a time. */
async function oneByOne(): Promise<void> {
  for (;;) {
    const job = await queue.next(name);
    if (job === undefined) return;
    for (const one of done([job])) await queue.complete(one);
  }
}

async function inBatches(): Promise<void> {
  for (;;) {
    const jobs = await queue.nextMany(name, 20);
    if (jobs.length === 0) return;
    await queue.completeMany(done(jobs));
  }
}

async function inRounds(): Promise<void> {
  let jobs: Held = await queue.nextMany(name, 20);
  while (jobs.length > 0) jobs = await queue.completeAndNext(done(jobs), name, 20);
}

const ways = { one: oneByOne, batches: inBatches, rounds: inRounds };
process.once("message", async () => {
  await Promise.all(Array.from({ length: way === "one" ? 8 : 2 }, ways[way]));
  await queue[Symbol.asyncDispose]();
  await pool.end();
  process.exit(0);
});
// Connected and prepared before the start.
await queue.size();
process.send?.({ value: "ready" });
