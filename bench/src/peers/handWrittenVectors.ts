import pg from "pg";
import { tidy } from "../postgres/tidy.ts";
import type { VectorRow } from "../vectors.ts";
import type { VectorApi } from "./vectorApi.ts";

const CREATE_TABLE = (dimensions: number) =>
  `CREATE TABLE documents (id text COLLATE "C" PRIMARY KEY, topic text NOT NULL, embedding vector(${dimensions}) NOT NULL)`;
const CREATE_INDEX = (m: number, efConstruction: number) =>
  `CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops)
   WITH (m = ${m}, ef_construction = ${efConstruction})`;
const INSERT = "INSERT INTO documents SELECT * FROM unnest($1::text[], $2::text[], $3::vector[])";
const nearest = (order: string, where = "") =>
  `SELECT id, topic, 1 - (embedding <=> $1::vector) AS score FROM documents ${where}
   ORDER BY ${order} LIMIT 10`;

const DISTANCE = "embedding <=> $1::vector";
const HNSW = nearest(DISTANCE);
/** Not the expression that the index is on, so every row is compared. */
const EXACT = nearest(`(${DISTANCE}) + 0`);
const FILTERED = nearest(`(${DISTANCE}) + 0`, "WHERE topic = $2");

const literal = (vector: Float32Array): string => `[${vector.join(",")}]`;

/** pgvector as its documentation uses it, with statements prepared by name. */
export async function handWrittenVectors(
  url: string,
  index: { dimensions: number; m: number; efConstruction: number; efSearch: number },
): Promise<VectorApi> {
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c hnsw.ef_search=${index.efSearch}`,
  });
  await pool.query("CREATE EXTENSION vector");
  await pool.query(CREATE_TABLE(index.dimensions));
  const search = async (name: string, text: string, values: unknown[]) =>
    (await pool.query<{ id: string }>({ name, text, values })).rows.map(({ id }) => id);
  return {
    fill: async (rows: readonly VectorRow[]) => {
      for (let at = 0; at < rows.length; at += 1000) {
        const part = rows.slice(at, at + 1000);
        await pool.query(INSERT, [
          part.map(({ id }) => id),
          part.map(({ topic }) => topic),
          part.map(({ embedding }) => literal(embedding)),
        ]);
      }
      await pool.query(CREATE_INDEX(index.m, index.efConstruction));
      await pool.query("CREATE INDEX documents_topic ON documents (topic)");
      await tidy(url);
    },
    exact: (query) => search("exact", EXACT, [literal(query)]),
    hnsw: (query) => search("hnsw", HNSW, [literal(query)]),
    filtered: (query, topic) => search("filtered", FILTERED, [literal(query), topic]),
    close: () => pool.end(),
  };
}
