/**
 * Adds jobs and works on whatever jobs there are until none is left, noting what has been
 * acknowledged. `faultyQueue.child.ts URL LOG NAME JOBS WORK_MS [clock=MS]`
 */
import "./skewedClock.ts";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { StaleLeaseError } from "@workglow/job-queue";
import { isTransient, setLogger } from "@workglow/util";
import pg from "pg";
import { faultyQueue } from "./faultyStorages.ts";

const [url, log, name, jobs, workMs] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
appendFileSync(log, "");

// Nobody listens to its errors.
const pool = new pg.Pool({
  connectionString: url,
  max: 4,
  application_name: "faulty",
  connectionTimeoutMillis: 2_000,
});
const queue = faultyQueue(pool);

// That a lease could not be renewed is what the test is about.
const ignore = (): void => {};
setLogger({ debug: ignore, info: ignore, warn: ignore, error: ignore });

const note = (line: string): void => appendFileSync(log, `${line}\n`);
let adding = Number(jobs) > 0;

/** `undefined` after a fault that may have come between: whether it took effect is not known. */
async function surviving<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isTransient(error)) throw error;
    await pause(10);
    return undefined;
  }
}

async function add(): Promise<void> {
  for (let added = 0, i = 0; added < Number(jobs); i++) {
    const inputs = Array.from({ length: i % 3 === 0 ? 1 : 5 }, (_, n) => `${name}-${i}.${n}`);
    const ids = await surviving(() =>
      queue.addMany(inputs.map((input) => ({ input, run_after: null, completed_at: null }))),
    );
    if (ids === undefined) continue;
    for (const input of inputs) note(`added ${input}`);
    added += inputs.length;
    await pause(2);
  }
  adding = false;
}

async function work(loop: number): Promise<void> {
  for (;;) {
    const claimed = await surviving(() => queue.nextMany(`${name} ${loop}`, 4));
    if (claimed === undefined) continue;
    if (claimed.length === 0) {
      if (!adding && (await surviving(isDrained))) return;
      await pause(20);
      continue;
    }
    await pause(Number(workMs) * Math.random());
    await Promise.all(claimed.map((job) => complete(job)));
  }
}

async function complete(job: Awaited<ReturnType<typeof queue.nextMany>>[number]): Promise<void> {
  const output = `${name} ${job.run_attempts}`;
  for (;;) {
    try {
      const done = await surviving(async () => {
        await queue.complete({ ...job, status: "COMPLETED", output });
        return true;
      });
      if (done !== true) continue;
      note(`completed ${job.input} by ${output}`);
    } catch (error) {
      if (!(error instanceof StaleLeaseError)) throw error;
    }
    return;
  }
}

async function isDrained(): Promise<boolean> {
  const left = await Promise.all([queue.size("PENDING"), queue.size("PROCESSING")]);
  return left.every((size) => size === 0);
}

process.on("disconnect", () => process.exit(5));
process.send?.("ready");
await Promise.all([add(), ...Array.from({ length: 4 }, (_, loop) => work(loop))]);
await queue[Symbol.asyncDispose]().catch(() => undefined);
await pool.end();
process.exit(0);
