import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashingEmbedder, type Report } from "@workglow/example-document-search-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import { type BackendName, openLibrary } from "../../src/library.ts";
import { dropSchemas } from "./dropSchemas.ts";
import { reported, startDemo } from "./runDemo.ts";

const DOCUMENTS = 300;
const { main } = servers();

interface Place extends AsyncDisposable {
  /** As in the options of `openLibrary`. */
  readonly place: string;
  readonly url?: string;
}

interface CrashCase {
  readonly backend: BackendName;
  /** Points in a run, in ms after its start, at which it is killed. */
  readonly kills: readonly number[];
  open(folder: string): Promise<Place>;
}

const noPlace = async (): Promise<void> => undefined;

const cases: readonly CrashCase[] = [
  {
    backend: "sqlite",
    kills: [150, 250, 350, 500, 700, 900, 1200],
    open: async (folder) => ({
      place: join(folder, "search.sqlite"),
      [Symbol.asyncDispose]: noPlace,
    }),
  },
  {
    backend: "pglite",
    kills: [800, 2500, 4000, 6000],
    open: async (folder) => ({
      place: join(folder, "search.pglite"),
      [Symbol.asyncDispose]: noPlace,
    }),
  },
  ...(main === undefined
    ? []
    : [
        {
          backend: "postgres",
          kills: [250, 400, 600, 800, 1000, 1300, 1600],
          open: async () => {
            const place = `crash_${randomBytes(6).toString("hex")}`;
            return {
              place,
              url: main.url,
              [Symbol.asyncDispose]: () => dropSchemas(main.url, place),
            };
          },
        } as const,
      ]),
];

let folder: string;
let docs: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-demo-"));
  docs = join(folder, "docs");
  await mkdir(docs);
  for (let n = 0; n < DOCUMENTS; n++) {
    const text = `Document ${n} is about subject${n}.\n\n`.repeat(60);
    await writeFile(join(docs, `${n}.md`), text);
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each(cases)("the demo on $backend", ({ backend, kills, open }) => {
  let place: Place;
  beforeEach(async () => {
    place = await open(folder);
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const args = (): readonly string[] => [
    ...["--dir", docs, "--query", "subject17", "--backend", backend, "--db", place.place],
    ...(place.url === undefined ? [] : ["--url", place.url]),
  ];
  const runToTheEnd = (): Promise<Report> => reported(args());

  async function killAfter(ms: number): Promise<void> {
    const child = startDemo(args());
    const ended = once(child, "close");
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    await ended;
    clearTimeout(timer);
  }

  /** What the jobs' rows say: how often each was run to its end. */
  async function attempts(): Promise<{ readonly completed: string[]; readonly paths: string[] }> {
    await using library = await openLibrary({
      backend,
      place: place.place,
      ...(place.url === undefined ? {} : { url: place.url }),
      dimensions: hashingEmbedder.dimensions,
      leaseMs: 2000,
    });
    const jobs = await library.jobs.peek("COMPLETED", DOCUMENTS * 2);
    const paths: string[] = [];
    for await (const chunk of library.chunks.records(500))
      paths.push(`${chunk.path}#${chunk.position}`);
    return { completed: jobs.map((job) => `${job.input.path} ${job.completed_at}`), paths };
  }

  test("killed at any moment goes on where it was: nothing lost, nothing twice, no completed job run again", async () => {
    let before: readonly string[] = [];
    for (const ms of kills) {
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

  // PGlite is for one process at a time.
  if (backend === "pglite") return;

  test("two runs at once, one of them stopped for longer than its lease, index each file once", async () => {
    const first = startDemo(args());
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
});
