import {
  InMemoryVectorStorage,
  type IVectorStorage,
  not,
  or,
  type SearchCriteria,
} from "@workglow/storage";
import { expectTypeOf } from "vitest";

const schema = {
  type: "object",
  properties: {
    chunk_id: { type: "string", "x-auto-generated": true },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    metadata: {
      type: "object",
      format: "metadata",
      properties: {
        doc_id: { type: "string" },
        page: { type: "integer" },
        author: {
          type: "object",
          properties: { name: { type: "string" } },
          additionalProperties: false,
        },
      },
      required: ["doc_id"],
      additionalProperties: false,
    },
  },
  required: ["chunk_id", "vector", "metadata"],
  additionalProperties: false,
} as const;

const storage = new InMemoryVectorStorage(schema, ["chunk_id"] as const, [], 384);
const query = new Float32Array(384);

// Rows come back with their score.
const [found] = await storage.similaritySearch(query, { topK: 10, scoreThreshold: 0.7 });
if (found !== undefined) {
  expectTypeOf(found.score).toEqualTypeOf<number>();
  expectTypeOf(found.metadata.doc_id).toEqualTypeOf<string>();
  expectTypeOf(found.vector).toEqualTypeOf<Float32Array>();
}

// A filter names fields of the metadata, and what is inside them.
void storage.similaritySearch(query, { filter: { doc_id: "doc-123" } });
void storage.similaritySearch(query, { filter: { page: { operator: ">=", value: 3 } } });
void storage.similaritySearch(query, { filter: { author: { name: "Ann" }, page: null } });
void storage.similaritySearch(query, { filter: or({ page: 1 }, { doc_id: "a" }) });
void storage.similaritySearch(query, { filter: not({ page: 1 }) });
// @ts-expect-error there is no such field
void storage.similaritySearch(query, { filter: { docid: "doc-123" } });
// @ts-expect-error a page is a number
void storage.similaritySearch(query, { filter: { page: "3" } });

// A search may start from a stored row, and return some columns.
void storage.similaritySearch({ chunk_id: "a" }, { select: ["metadata"] });
// @ts-expect-error there is no such column
void storage.similaritySearch(query, { select: ["meta"] });
// @ts-expect-error a plain list is no vector
void storage.similaritySearch([1, 2, 3]);

// Without metadata a filter names columns.
const plainSchema = {
  type: "object",
  properties: {
    id: { type: "integer" },
    doc_id: { type: "string" },
    vector: { type: "array", format: "TypedArray" },
  },
  required: ["id", "doc_id", "vector"],
  additionalProperties: false,
} as const;
const plain = new InMemoryVectorStorage(plainSchema, ["id"] as const, [], 3, Float64Array);
void plain.similaritySearch(query, { filter: { doc_id: "a" } });

// Any vector storage is one for programs that know only the interface.
expectTypeOf(storage).toExtend<
  IVectorStorage<{ doc_id: string; page?: number; author?: { name?: string } }, typeof schema>
>();
const untyped: IVectorStorage<Record<string, unknown>, typeof schema> = storage;
void untyped.similaritySearch(query, { filter: { anything: 1 } });

// Criteria of one's own may be passed on.
declare const partial: Partial<{ doc_id: string; page: number }>;
declare const criteria: SearchCriteria<{ doc_id: string; author: { name?: string } }>;
void storage.similaritySearch(query, { filter: partial });
void storage.similaritySearch(query, { filter: criteria });
declare const anything: SearchCriteria<Record<string, unknown>>;
void untyped.similaritySearch(query, { filter: anything });
