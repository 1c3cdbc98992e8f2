import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textChunks } from "@workglow/example-document-search-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileText } from "../src/fileText.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-chunks-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function chunksOf(text: string): Promise<string[]> {
  const file = join(folder, "text.md");
  await writeFile(file, text);
  const chunks: string[] = [];
  for await (const chunk of textChunks(fileText(file))) chunks.push(chunk);
  return chunks;
}

const withoutSpace = (text: string): string => text.replaceAll(/\s+/gu, "");

test("chunks hold the whole text, in order, none longer than 800 units", async () => {
  const paragraph = "Some words that make a sentence of the usual length. ".repeat(5);
  const text = Array.from({ length: 400 }, (_, n) => `${n}. ${paragraph}`).join("\n\n");
  const chunks = await chunksOf(text);
  expect(chunks.length).toBeGreaterThan(100);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(800);
  expect(withoutSpace(chunks.join(""))).toBe(withoutSpace(text));
});

test("a text without any boundary is cut, but never inside a character", async () => {
  const chunks = await chunksOf("😀".repeat(5000));
  expect(chunks.join("")).toBe("😀".repeat(5000));
  expect(chunks.every((chunk) => chunk.isWellFormed())).toBe(true);
});

test("an empty file has no chunks", async () => {
  expect(await chunksOf(" \n\n ")).toEqual([]);
});
