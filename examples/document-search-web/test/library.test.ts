import { hashingEmbedder, workThroughJobs } from "@workglow/example-document-search-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AddedFiles, addFiles } from "../src/library/addFiles.ts";
import { type Library, openLibrary } from "../src/library/library.ts";
import { listDocuments } from "../src/library/listDocuments.ts";
import { progressOf } from "../src/library/progress.ts";
import { removeAllDocuments, removeDocument } from "../src/library/removeDocuments.ts";
import { searchLibrary } from "../src/library/searchLibrary.ts";
import { storedTexts } from "../src/library/storedTexts.ts";

let library: Library;
beforeEach(async () => {
  library = await openLibrary("memory", hashingEmbedder.dimensions);
});
afterEach(() => library[Symbol.asyncDispose]());

function add(texts: Readonly<Record<string, BlobPart>>): Promise<AddedFiles> {
  const files = Object.entries(texts).map(([path, text]) => ({
    path,
    file: new File([text], path),
  }));
  return addFiles(library, files);
}

function index(workers = 1): Promise<void> {
  return workThroughJobs(library, hashingEmbedder, storedTexts(library), { workers });
}

const paths = async (query: string): Promise<string[]> =>
  (await searchLibrary(library, hashingEmbedder, query, 10)).map(({ path }) => path);

test("a document, its content and its job are stored together, and its content goes in the end", async () => {
  expect(await add({ "a.md": "Roses.", "b.md": "Tulips." })).toEqual({
    added: 2,
    unchanged: 0,
    leftOut: [],
  });
  expect(await library.sources.size()).toBe(2);
  expect(await library.jobs.size()).toBe(2);
  expect((await listDocuments(library, 10)).documents).toEqual([
    { path: "a.md", bytes: 6, status: "waiting" },
    { path: "b.md", bytes: 7, status: "waiting" },
  ]);
  await index();
  expect(await library.sources.size()).toBe(0);
  expect((await listDocuments(library, 1)).documents).toEqual([
    { path: "a.md", bytes: 6, status: "indexed", chunks: 1 },
  ]);
  expect((await listDocuments(library, 1)).more).toBe(true);
  expect(await paths("roses")).toEqual(["a.md"]);
});

test("a file that is there already is not indexed again", async () => {
  await add({ "a.md": "Roses." });
  await index();
  expect(await add({ "a.md": "Roses.", "b.md": "" })).toMatchObject({ added: 1, unchanged: 1 });
  expect(await library.jobs.size()).toBe(1);
});

test("a newer version takes the place of an older one, also of one that still waits", async () => {
  await add({ "a.md": "Roses." });
  await add({ "a.md": "Tulips." });
  expect(await library.jobs.size()).toBe(1);
  await index();
  await add({ "a.md": "Lilies." });
  await index();
  expect(await paths("roses tulips")).toEqual([]);
  expect(await paths("lilies")).toEqual(["a.md"]);
  expect(await library.documents.size()).toBe(1);
  expect(await library.chunks.size()).toBe(1);
});

test("progress counts all that was added since the queue was last empty", async () => {
  expect(await progressOf(library)).toBeUndefined();
  await add({ "a.md": "1", "b.md": "2", "c.md": "3" });
  expect(await progressOf(library)).toEqual({ done: 0, total: 3 });
  const job = await library.jobs.next("somebody");
  expect(await progressOf(library)).toEqual({ done: 0, total: 3 });
  await library.jobs.complete({ ...job!, status: "COMPLETED", completed_at: null });
  expect(await progressOf(library)).toEqual({ done: 1, total: 3 });
  await add({ "d.md": "4", "c.md": "another 3" });
  expect(await progressOf(library)).toEqual({ done: 1, total: 4 });
  await index();
  expect(await progressOf(library)).toBeUndefined();
  await add({ "e.md": "5" });
  expect(await progressOf(library)).toEqual({ done: 0, total: 1 });
});

test("a failed document says why, and is tried again when its file is added again", async () => {
  await add({ "a.md": "Roses." });
  await library.sources.deleteAll();
  await index();
  expect((await listDocuments(library, 10)).documents).toEqual([
    { path: "a.md", bytes: 6, status: "failed", reason: "the document's content is gone" },
  ]);
  expect(await add({ "a.md": "Roses." })).toMatchObject({ added: 1 });
  await index();
  expect(await paths("roses")).toEqual(["a.md"]);
});

test("removing leaves nothing, whether a document is indexed, waits or is being indexed", async () => {
  await add({ "indexed.md": "Roses." });
  await index();
  await add({ "running.md": "Roses.", "waiting.md": "Roses." });
  const running = await library.jobs.next("somebody");
  expect(running?.input).toEqual({ path: "running.md" });
  for (const path of ["indexed.md", "running.md", "waiting.md", "never-there.md"]) {
    await removeDocument(library, path);
  }
  const { documents, sources, chunks } = library;
  for (const storage of [documents, sources, chunks]) expect(await storage.size()).toBe(0);
  expect(await progressOf(library)).toBeUndefined();
  await add({ "a.md": "Roses." });
  await index();
  await removeAllDocuments(library);
  for (const storage of [documents, sources, chunks]) expect(await storage.size()).toBe(0);
  expect(await paths("roses")).toEqual([]);
});

test("bytes that are no UTF-8 and marks at the beginning are read as from a disk", async () => {
  await add({ "latin1.txt": new Uint8Array([0x4b, 0xe4, 0x73, 0x65]), "mark.txt": "\uFEFFRoses" });
  await index(2);
  const [latin1, mark] = (await library.chunks.getAll()) ?? [];
  expect(latin1?.metadata.text).toBe("K\uFFFDse");
  expect(mark?.metadata.text).toBe("Roses");
});
