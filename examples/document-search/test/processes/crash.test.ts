import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hashingEmbedder } from "../../src/embed.ts";
import { openLibrary } from "../../src/library.ts";
import type { Report } from "../../src/report.ts";

const main = resolve(import.meta.dirname, "../../src/main.ts");
const DOCUMENTS = 300;
/** Points in a run, in ms after its start, at which it is killed. */
const KILLS = [150, 250, 350, 500, 700, 900, 1200];

let folder: string;
let docs: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-demo-"));
  docs = join(folder, "docs");
  file = join(folder, "search.sqlite");
  await mkdir(docs);
  for (let n = 0; n < DOCUMENTS; n++) {
    const text = `Document ${n} is about subject${n}.\n\n`.repeat(60);
    await writeFile(join(docs, `${n}.md`), text);
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(): ChildProcess {
  const args = ["--dir", docs, "--db", file, "--json", "--query", "subject17"];
  return spawn(process.execPath, ["--conditions=@workglow/source", "--no-warnings", main, ...args]);
}

async function runToTheEnd(): Promise<Report> {
  const child = start();
  let output = "";
  let errors = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (errors += data));
  const [code] = await once(child, "close");
  expect(errors).toBe("");
  expect(code).toBe(0);
  return JSON.parse(output) as Report;
}

async function killAfter(ms: number): Promise<void> {
  const child = start();
  const ended = once(child, "close");
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  await ended;
  clearTimeout(timer);
}

/** What the jobs' rows say: how often each was run to its end. */
async function attempts(): Promise<{ readonly completed: string[]; readonly paths: string[] }> {
  await using library = await openLibrary({
    backend: "sqlite",
    file,
    dimensions: hashingEmbedder.dimensions,
    leaseMs: 2000,
  });
  const jobs = await library.jobs.peek("COMPLETED", DOCUMENTS * 2);
  const paths: string[] = [];
  for await (const chunk of library.chunks.records(500))
    paths.push(`${chunk.path}#${chunk.position}`);
  return { completed: jobs.map((job) => `${job.input.path} ${job.completed_at}`), paths };
}

describe("the demo, killed at any moment", () => {
  test("goes on where it was: nothing lost, nothing twice, no completed job run again", async () => {
    let before: readonly string[] = [];
    for (const ms of KILLS) {
      await killAfter(ms);
      const { completed } = await attempts().catch(() => ({ completed: [] as string[] }));
      // A job that was completed before the kill is not completed a second time.
      expect(before.every((entry) => completed.includes(entry))).toBe(true);
      before = completed;
    }
    const report = await runToTheEnd();
    expect(report.documents).toBe(DOCUMENTS);
    expect(report.jobs).toEqual({ completed: DOCUMENTS, failed: 0, pending: 0 });
    expect(report.results[0]?.path).toBe("17.md");
    const { completed, paths } = await attempts();
    expect(before.every((entry) => completed.includes(entry))).toBe(true);
    expect(new Set(paths).size).toBe(paths.length);
    expect(report.chunks).toBe(paths.length);

    const again = await runToTheEnd();
    expect({ ...again, seconds: 0 }).toEqual({ ...report, seconds: 0 });
    expect((await attempts()).completed.sort()).toEqual(completed.sort());
  });

  test("a changed file is indexed again, a removed one disappears", async () => {
    await runToTheEnd();
    await writeFile(join(docs, "3.md"), "Now it speaks of gardening and roses.");
    await rm(join(docs, "4.md"));
    const report = await runToTheEnd();
    expect(report.documents).toBe(DOCUMENTS - 1);
    expect(report.jobs).toEqual({ completed: DOCUMENTS - 1, failed: 0, pending: 0 });
    const { paths } = await attempts();
    expect(paths.filter((path) => path.startsWith("3.md"))).toEqual(["3.md#0"]);
    expect(paths.some((path) => path.startsWith("4.md"))).toBe(false);
  });

  test("two runs at once, one of them stopped for longer than its lease, index each file once", async () => {
    const first = start();
    const firstEnded = once(first, "close");
    await new Promise((resolve) => setTimeout(resolve, 450));
    first.kill("SIGSTOP");
    // Stopped inside a transaction it holds the database's lock, for which the other waits.
    const goOn = setTimeout(() => first.kill("SIGCONT"), 4000);
    const report = await runToTheEnd();
    const [code] = await firstEnded;
    clearTimeout(goOn);
    expect(code).toBe(0);
    expect(report.documents).toBe(DOCUMENTS);
    const { completed, paths } = await attempts();
    expect(completed.length).toBe(DOCUMENTS);
    expect(new Set(paths).size).toBe(paths.length);
    expect(report.chunks).toBe(paths.length);
  });

  test("memory and sqlite print the same", async () => {
    const onSqlite = await runToTheEnd();
    const args = ["--dir", docs, "--backend", "memory", "--json", "--query", "subject17"];
    const child = spawn(process.execPath, [
      "--conditions=@workglow/source",
      "--no-warnings",
      main,
      ...args,
    ]);
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    await once(child, "close");
    expect({ ...(JSON.parse(output) as Report), seconds: 0 }).toEqual({ ...onSqlite, seconds: 0 });
  });
});
