import "fake-indexeddb/auto";
import { readdir, readFile } from "node:fs/promises";
import { IndexedDbVectorStorage } from "@workglow/indexeddb";
import { InMemoryVectorStorage } from "@workglow/storage";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { expect, it } from "vitest";
import { again, newDatabase } from "./cases/vectorKit.ts";

const schema = {
  type: "object",
  properties: {
    document: { type: "string" },
    part: { type: "integer" },
    text: { type: "string" },
    embedding: { type: "array", format: "TypedArray:Float32Array" },
    metadata: { type: "object", format: "metadata" },
  },
  required: ["document", "part", "text", "embedding", "metadata"],
} as const satisfies DataPortSchemaObject;
const key = ["document", "part"] as const;
const DIMENSIONS = 192;

/** A bag of words: each adds to the place, and with the sign, that its hash says. */
function embed(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    let hash = 2166136261;
    for (const character of word) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0;
    const place = hash % DIMENSIONS;
    vector[place] = (vector[place] as number) + (hash & 0x10000 ? 1 : -1);
  }
  return vector;
}

/** The paragraphs of this repository's own documentation. */
async function paragraphs() {
  const folder = new URL("../../../docs/", import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".md"));
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder), "utf8")));
  return names.flatMap((document, at) =>
    (texts[at] as string)
      .split(/\n{2,}/)
      .map((text, part) => ({
        document,
        part,
        text,
        embedding: embed(text),
        metadata: { isCode: text.startsWith("```"), length: text.length },
      }))
      .filter(({ embedding }) => embedding.some((component) => component !== 0)),
  );
}

it("finds in a real corpus what memory finds, score by score", async () => {
  const rows = await paragraphs();
  expect(rows.length).toBeGreaterThan(300);
  const memory = new InMemoryVectorStorage(schema, key, [], DIMENSIONS);
  const database = newDatabase();
  const open = (connection = database) =>
    new IndexedDbVectorStorage("corpus", schema, key, ["document"], DIMENSIONS, undefined, {
      database: connection,
    });
  const storage = open();
  await storage.setupDatabase();
  for (const target of [memory, storage]) await target.putBulk(rows);
  const elsewhere = open(again(database));
  const filters = [
    undefined,
    { isCode: false },
    { length: { operator: "<", value: 200 } },
    { isCode: true, length: [{ operator: ">=", value: 100 }] },
  ] as const;
  for (const [at, { embedding, document, part }] of rows.entries()) {
    if (at % 9 !== 0) continue;
    const query = at % 2 === 0 ? embedding : { document, part };
    const filter = filters[(at / 9) % filters.length];
    const options = { topK: 15, offset: at % 4, scoreThreshold: 0.05, ...(filter && { filter }) };
    const expected = await memory.similaritySearch(query, options);
    expect(expected.length).toBeGreaterThan(0);
    expect(await storage.similaritySearch(query, options)).toEqual(expected);
    expect(await elsewhere.similaritySearch(query, options)).toEqual(expected);
  }
});
