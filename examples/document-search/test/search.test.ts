import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { hashingEmbedder, searchDocuments } from "@workglow/example-document-search-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repositoryDocs } from "../src/files.ts";
import { enqueueDocuments, indexQueued } from "../src/indexing.ts";
import { type Library, openLibrary } from "../src/library.ts";

const repository = resolve(import.meta.dirname, "../../..");
const SENTENCES = 50;
/** Sentences of fewer words say too little to tell one document from another. */
const LEAST_WORDS = 8;

/** The same choice in every run. */
function* choices(below: number): Generator<number, never> {
  for (let state = 2026; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield Math.floor((state / 2 ** 32) * below);
  }
}

/** Sentences of prose: no code, tables, headings or lists of links. */
function sentencesOf(markdown: string): string[] {
  const prose = markdown
    .replaceAll(/^```[\s\S]*?^```/gmu, "")
    .split("\n")
    .filter((line) => !/^\s*(?:[#|>]|\[)/u.test(line))
    .join("\n");
  return prose
    .split(/(?<=[.!?])\s+|\n{2,}/u)
    .map((sentence) => sentence.replaceAll(/\s+/gu, " ").trim())
    .filter((sentence) => sentence.split(" ").length >= LEAST_WORDS);
}

describe("searching this repository's documents", () => {
  let library: Library;
  const sentences: { readonly path: string; readonly text: string }[] = [];

  beforeAll(async () => {
    library = await openLibrary({
      backend: "memory",
      place: "",
      dimensions: hashingEmbedder.dimensions,
      leaseMs: 2000,
    });
    await enqueueDocuments(library, repositoryDocs(repository));
    await indexQueued(library, hashingEmbedder, { workers: 4 });
    for await (const { path, absolutePath } of repositoryDocs(repository)) {
      for (const text of sentencesOf(await readFile(absolutePath, "utf8"))) {
        sentences.push({ path, text });
      }
    }
    sentences.sort((a, b) => (a.path + a.text < b.path + b.text ? -1 : 1));
  });

  afterAll(() => library[Symbol.asyncDispose]());

  test("of 50 sentences at least 80 % find their document in the top 3", async () => {
    expect(sentences.length).toBeGreaterThan(SENTENCES);
    const chosen = choices(sentences.length);
    let found = 0;
    for (let i = 0; i < SENTENCES; i++) {
      const { path, text } = sentences[chosen.next().value] as (typeof sentences)[number];
      const results = await searchDocuments(library, hashingEmbedder, text, 3);
      if (results.some((result) => result.path === path)) found++;
    }
    expect(found / SENTENCES).toBeGreaterThanOrEqual(0.8);
  });

  test("every document is indexed once, and every job completed", async () => {
    const paths: string[] = [];
    for await (const { path } of repositoryDocs(repository)) paths.push(path);
    expect(await library.documents.size()).toBe(paths.length);
    expect(await library.jobs.size("COMPLETED")).toBe(paths.length);
    expect(await library.jobs.size("PENDING")).toBe(0);
  });
});
