import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { expectSound, kept, opened, STRESS, scratchFolder } from "./scratch.ts";

const JOBS = 10_000;
const NAMES = ["a", "b", "c", "d"];

async function drained(driver: string, way: "one" | "batches"): Promise<void> {
  const folder = scratchFolder();
  const [file, log] = [join(folder, "data.db"), join(folder, "log.txt")];
  writeFileSync(log, "");
  const db = opened(file);
  const queue = kept(new SqliteQueueStorage<number, string>(db, "numbers"));
  await queue.setupDatabase();
  const numbers = Array.from({ length: JOBS }, (_, input) => input);
  await queue.addMany(
    numbers.map((input) => ({ input, priority: input % 3, run_after: null, completed_at: null })),
  );
  const workers = NAMES.map((name) => new Child("drain", file, log, name, driver, way));
  await Promise.all(workers.map((worker) => worker.message()));
  for (const worker of workers) worker.send("go");
  expect(await Promise.all(workers.map((worker) => worker.exited()))).toEqual([0, 0, 0, 0]);

  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  const inputs = lines.map((line) => Number(line.split(" ")[0]));
  expect(inputs).toHaveLength(JOBS);
  expect(inputs.sort((x, y) => x - y)).toEqual(numbers);
  for (const name of NAMES) {
    const share = lines.filter((line) => line.endsWith(` ${name}`)).length / JOBS;
    expect(share, `the share of process ${name}`).toBeGreaterThanOrEqual(0.05);
  }
  expect(await queue.size("COMPLETED")).toBe(JOBS);
  const jobs = await queue.peek("COMPLETED", JOBS);
  expect(jobs.every(({ run_attempts }) => run_attempts === 1)).toBe(true);
  const output = new Map(lines.map((line) => line.split(" ") as [string, string]));
  expect(jobs.every((job) => job.output === output.get(String(job.input)))).toBe(true);
  expectSound(db);
}

describe("four processes drain 10,000 jobs: none twice, none lost, no process idle", () => {
  for (let round = 0; round < STRESS; round++) {
    it("one job after the other, on better-sqlite3", () => drained("better-sqlite3", "one"));
    it("in batches, on node:sqlite", () => drained("node:sqlite", "batches"));
  }
});
