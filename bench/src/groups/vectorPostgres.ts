import { type PostgresVectorOptions, PostgresVectorStorage } from "@workglow/postgres";
import pg from "pg";
import { handWrittenVectors } from "../peers/handWrittenVectors.ts";
import { twentyThousand, type VectorApi, vectorContender } from "../peers/vectorApi.ts";
import { onServer } from "../postgres/onServer.ts";
import { tidy } from "../postgres/tidy.ts";
import { DIMENSIONS } from "../vectors.ts";

const HNSW = { m: 16, efConstruction: 200, efSearch: 100 };

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

const ROWS_A_CALL = 1000;
const select = ["id", "topic"] as const;
const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

async function workglow(url: string): Promise<VectorApi> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query("CREATE EXTENSION vector");
  const open = (index?: PostgresVectorOptions["index"]) =>
    new PostgresVectorStorage(
      pool,
      "documents",
      schema,
      ["id"] as const,
      ["topic"],
      DIMENSIONS,
      Float32Array,
      { ...(index !== undefined && { index }) },
    );
  const documents = open({ type: "hnsw", ...HNSW });
  return {
    fill: async (rows) => {
      // The index comes after the rows, as in the statements by hand.
      const bare = open();
      await bare.setupDatabase();
      for (let at = 0; at < rows.length; at += ROWS_A_CALL) {
        await bare.putBulk(rows.slice(at, at + ROWS_A_CALL));
      }
      await bare[Symbol.asyncDispose]();
      await documents.setupDatabase();
      await tidy(url);
    },
    exact: async (query) => idsOf(await documents.similaritySearch(query, { select, exact: true })),
    hnsw: async (query) => idsOf(await documents.similaritySearch(query, { select })),
    filtered: async (query, topic) =>
      idsOf(await documents.similaritySearch(query, { select, filter: { topic }, exact: true })),
    close: async () => {
      await documents[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

const slower = 1 / 1.2;

export const vectorPostgres = onServer({
  name: "Vector, PostgreSQL",
  goals: [
    { operation: "exact, 10 of 20,000", peer: "by hand", atLeast: slower },
    { operation: "HNSW, 10 of 20,000", peer: "by hand", atLeast: slower },
  ],
  needsVector: true,
  open: async (database) => {
    const rows = twentyThousand();
    const byHand = await handWrittenVectors(await database("by_hand"), {
      dimensions: DIMENSIONS,
      ...HNSW,
    });
    return [
      await vectorContender("workglow", await workglow(await database("workglow")), rows),
      await vectorContender("by hand", byHand, rows),
    ];
  },
});
