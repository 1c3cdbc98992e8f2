import { IndexedDbVectorStorage } from "@workglow/indexeddb";
import { DIMENSIONS } from "../../src/vectors.ts";
import { discard } from "../raw.ts";
import type { BrowserVectors } from "../vectorContender.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    topic: { type: "string" },
    embedding: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "topic", "embedding"],
  additionalProperties: false,
} as const;

const select = ["id"] as const;

export async function workglowVectors(database: string): Promise<BrowserVectors> {
  const open = async () => {
    const opened = new IndexedDbVectorStorage(
      "documents",
      schema,
      ["id"] as const,
      ["topic"],
      DIMENSIONS,
      Float32Array,
      { database },
    );
    await opened.setupDatabase();
    return opened;
  };
  let documents = await open();
  return {
    fill: (rows) => documents.putBulk([...rows]),
    search: (query) => documents.similaritySearch(query, { select }),
    filtered: (query, topic) => documents.similaritySearch(query, { select, filter: { topic } }),
    reopen: async () => {
      await documents[Symbol.asyncDispose]();
      documents = await open();
    },
    close: async () => {
      await documents[Symbol.asyncDispose]();
      await discard(database);
    },
  };
}
