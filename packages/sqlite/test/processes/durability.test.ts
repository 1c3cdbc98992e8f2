import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { expectSound, opened, pause, rowsOf, STRESS, scratchFolder } from "./scratch.ts";
import { storagesOn } from "./storages.ts";

const ROUNDS = 6 * STRESS;

/** What was acknowledged, by kind. The last line may have been cut off. */
function acknowledged(log: string): Map<string, string[]> {
  const byKind = new Map<string, string[]>();
  if (!existsSync(log)) return byKind;
  for (const line of readFileSync(log, "utf8").split("\n").slice(0, -1)) {
    const [kind = "", key = ""] = line.split(" ");
    byKind.set(kind, [...(byKind.get(kind) ?? []), key]);
  }
  return byKind;
}

async function expectKept(file: string, log: string): Promise<number> {
  const db = opened(file);
  const { documents, settings, queue, dispose } = storagesOn(db);
  const acks = acknowledged(log);
  const of = (kind: string): string[] => acks.get(kind) ?? [];

  const paths = new Set((await documents.getAll())?.map(({ path }) => path));
  expect(of("document").filter((key) => !paths.has(key))).toEqual([]);

  const sizes = rowsOf<{ path: string; size: number }>(
    db,
    "SELECT path, count(*) AS size FROM chunks GROUP BY path",
  );
  expect(
    sizes.filter(({ size }) => size !== 10),
    "bulks stored in part",
  ).toEqual([]);
  const bulks = new Set(sizes.map(({ path }) => path));
  expect(of("chunks").filter((key) => !bulks.has(key))).toEqual([]);

  const keys = new Set((await settings.getAll())?.map(({ key }) => key));
  expect(of("setting").filter((key) => !keys.has(key))).toEqual([]);

  const jobs = rowsOf<{ input: string; status: string; run_attempts: number }>(
    db,
    "SELECT input, status, run_attempts FROM job_queue",
  ).map((job) => ({ ...job, input: JSON.parse(job.input) as string }));
  const known = new Map(jobs.map((job) => [job.input, job]));
  expect(known.size, "jobs that were added once").toBe(jobs.length);
  expect(of("job").filter((key) => !known.has(key))).toEqual([]);
  const unfinished = of("completed").filter((key) => known.get(key)?.status !== "COMPLETED");
  expect(unfinished).toEqual([]);
  expect(new Set(of("completed")).size, "jobs completed once").toBe(of("completed").length);

  await queue.size();
  await dispose();
  expectSound(db);
  return [...acks.values()].flat().length;
}

describe("a process killed with SIGKILL while it writes", () => {
  it(
    `loses no acknowledged write and leaves no half of one, ${ROUNDS} times in a row`,
    async () => {
      const folder = scratchFolder();
      const [file, log] = [join(folder, "data.db"), join(folder, "log.txt")];
      let before = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const writer = new Child("writer", file, log, round);
        await writer.message();
        await pause(100 + Math.random() * 500);
        await writer.kill();
        const acks = await expectKept(file, log);
        expect(acks, "writes acknowledged").toBeGreaterThan(before);
        before = acks;
      }
    },
    120_000 * STRESS,
  );
});
