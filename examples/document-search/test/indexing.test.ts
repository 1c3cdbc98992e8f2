import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashingEmbedder } from "@workglow/example-document-search-core";
import { StorageBusyError } from "@workglow/util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { textFiles } from "../src/files.ts";
import { enqueueDocuments, indexQueued } from "../src/indexing.ts";
import { type Library, openLibrary } from "../src/library.ts";

/** More chunks than are stored at once. */
const LONG_TEXT = "A sentence about gardens, roses and the bees in them. ".repeat(3000);

let folder: string;
let library: Library;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-indexing-"));
  library = await openLibrary({
    backend: "memory",
    place: "",
    dimensions: hashingEmbedder.dimensions,
    leaseMs: 2000,
  });
});
afterEach(async () => {
  await library[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function index(): Promise<string[]> {
  const problems: string[] = [];
  const onProblem = (path: string): void => void problems.push(path);
  await enqueueDocuments(library, textFiles(folder, onProblem), { onProblem });
  await indexQueued(library, hashingEmbedder, { workers: 2 });
  return problems;
}

test("a file that cannot be read is told of and stops no other", async () => {
  await writeFile(join(folder, "good.md"), "A text about gardens.");
  // A name that is no UTF-8 cannot be found again by the text that stands for it.
  await writeFile(
    Buffer.concat([Buffer.from(join(folder, "bad")), Buffer.from([0xff]), Buffer.from(".md")]),
    "lost",
  );
  expect(await index()).toHaveLength(1);
  expect(await library.documents.size()).toBe(1);
  expect(await library.chunks.size()).toBe(1);
});

test("a document that failed is tried again by the next run", async () => {
  const file = join(folder, "note.md");
  await writeFile(file, "A text about roses.");
  await enqueueDocuments(library, textFiles(folder));
  await rm(file);
  await indexQueued(library, hashingEmbedder, { workers: 1 });
  const [failed] = await library.jobs.peek("FAILED");
  expect(failed?.run_attempts).toBe(3);
  await writeFile(file, "A text about roses.");
  await index();
  expect(await library.jobs.size("FAILED")).toBe(0);
  expect(await library.jobs.size("COMPLETED")).toBe(1);
  expect(await library.chunks.size()).toBe(1);
});

test("a run does not take what another run noted for vanished", async () => {
  await writeFile(join(folder, "a.md"), "first");
  await writeFile(join(folder, "b.md"), "second");
  async function* onlyOne() {
    for await (const file of textFiles(folder)) if (file.path === "a.md") yield file;
  }
  await index();
  await enqueueDocuments(library, onlyOne());
  expect(await library.documents.size()).toBe(2);
  await rm(join(folder, "b.md"));
  await enqueueDocuments(library, onlyOne());
  expect(await library.documents.size()).toBe(1);
  expect(await library.chunks.count({ path: "b.md" })).toBe(0);
});

/** Its transactions are rolled back and run again, as databases do where two are in conflict. */
function repeating({ transaction, ...rest }: Library): Library {
  const conflict = new Error("conflict");
  return {
    ...rest,
    async transaction(fn) {
      const undone = transaction(async (tx) => {
        await fn(tx);
        throw conflict;
      });
      await expect(undone).rejects.toBe(conflict);
      return transaction(fn);
    },
  };
}

test("a transaction that runs twice stores a long document once, and whole", async () => {
  await writeFile(join(folder, "long.md"), LONG_TEXT);
  await enqueueDocuments(repeating(library), textFiles(folder));
  await indexQueued(repeating(library), hashingEmbedder, { workers: 1 });
  let text = "";
  for await (const { metadata } of library.chunks.records()) text += metadata.text;
  expect(text.replaceAll(/\s/gu, "")).toBe(LONG_TEXT.replaceAll(/\s/gu, ""));
  expect(await library.chunks.size()).toBeGreaterThan(128);
  expect(await library.jobs.size("COMPLETED")).toBe(1);
});

test("a busy database does not count as an attempt", async () => {
  await writeFile(join(folder, "note.md"), "A text about roses.");
  await enqueueDocuments(library, textFiles(folder));
  let refusals = 5;
  const busy: Library = {
    ...library,
    async transaction(fn) {
      if (refusals-- > 0) throw new StorageBusyError("a lock is held");
      return library.transaction(fn);
    },
  };
  await indexQueued(busy, hashingEmbedder, { workers: 1 });
  const [job] = await library.jobs.peek("COMPLETED");
  expect(job?.run_attempts).toBe(1);
});
