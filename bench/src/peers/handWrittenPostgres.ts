import pg from "pg";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { OVER_THE_WIRE, type TabularApi, tabularContender } from "./tabularApi.ts";

export const CREATE_TABLE = `CREATE TABLE users (id text COLLATE "C" PRIMARY KEY, name text NOT NULL, email text NOT NULL,
  age integer NOT NULL, score double precision NOT NULL, active boolean NOT NULL, created_at text NOT NULL, note text NOT NULL)`;
export const CREATE_INDEX = "CREATE INDEX users_age ON users (age, id)";

const TYPES = ["text", "text", "text", "integer", "float8", "boolean", "text", "text"];
const columns = COLUMNS.join(", ");
const overwrite = COLUMNS.slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(", ");

const GET = `SELECT ${columns} FROM users WHERE id = $1`;
const PUT = `INSERT INTO users (${columns}) VALUES (${COLUMNS.map((_, i) => `$${i + 1}`).join(", ")})
  ON CONFLICT (id) DO UPDATE SET ${overwrite}`;
const PUT_BULK = `INSERT INTO users (${columns})
  SELECT * FROM unnest(${TYPES.map((type, i) => `$${i + 1}::${type}[]`).join(", ")})
  ON CONFLICT (id) DO UPDATE SET ${overwrite}`;
const BY_AGE = `SELECT ${columns} FROM users WHERE age = $1 ORDER BY id`;
const BY_AGE_RANGE = `SELECT ${columns} FROM users WHERE age >= $1 AND age < $2 ORDER BY age, id LIMIT 100`;
const PAGE = `SELECT ${columns} FROM users WHERE id > $1 ORDER BY id LIMIT 100`;

const valuesOf = (row: BenchRow): unknown[] => COLUMNS.map((column) => row[column]);

/** What a careful programmer writes on pg: statements prepared by name, a bulk in one round trip. */
export async function handWrittenPostgres(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(CREATE_TABLE);
  await pool.query(CREATE_INDEX);
  const rowsOf = async (name: string, text: string, values: unknown[]): Promise<BenchRow[]> =>
    (await pool.query<BenchRow>({ name, text, values })).rows;
  const api: TabularApi = {
    get: async (id) => (await rowsOf("get", GET, [id]))[0],
    put: (row) => pool.query({ name: "put", text: PUT, values: valuesOf(row) }),
    putBulk: (rows) =>
      pool.query({
        name: "putBulk",
        text: PUT_BULK,
        values: COLUMNS.map((column) => rows.map((row) => row[column])),
      }),
    byAge: (age) => rowsOf("byAge", BY_AGE, [age]),
    byAgeRange: (from, to) => rowsOf("byAgeRange", BY_AGE_RANGE, [from, to]),
    pages: async (pages) => {
      let after = "";
      for (let i = 0; i < pages; i++)
        after = (await rowsOf("page", PAGE, [after])).at(-1)?.id ?? "";
      return pages;
    },
  };
  return tabularContender("by hand", api, () => pool.end(), OVER_THE_WIRE);
}
