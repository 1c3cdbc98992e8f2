import { PGlite } from "@electric-sql/pglite";
import { openPostgres, type PostgresHandle, PostgresKvStorage } from "@workglow/postgres";
import type { SqlParam, SqlValue } from "@workglow/storage/sql";
import fc from "fast-check";
import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

const handles: readonly (readonly [string, () => Promise<PostgresHandle>])[] = [
  ...servers().all.map(
    ({ title, url }) => [title, async () => poolOn({ connectionString: url })] as const,
  ),
  [
    "a session with every setting otherwise",
    async () =>
      poolOn({
        connectionString: servers().embedded.url,
        options:
          "-c bytea_output=escape -c datestyle=SQL,DMY -c timezone=Asia/Kolkata -c intervalstyle=sql_standard -c standard_conforming_strings=off -c backslash_quote=off -c escape_string_warning=off",
      }),
  ],
  [
    "PGlite",
    async () => {
      const database = await PGlite.create();
      closing.push(() => database.close());
      return database;
    },
  ],
];

function poolOn(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ max: 2, ...config });
  closing.push(() => pool.end());
  return pool;
}

/** What PostgreSQL keeps: no NUL, and no half of a surrogate pair. */
const text = fc.oneof(
  fc.string({ unit: "binary" }).map((value) => value.replaceAll("\0", "").toWellFormed()),
  fc.string({
    unit: fc.constantFrom("{", "}", '"', "'", "\\", ",", " ", "\n", "NULL", "\\x", "é", "💾", "$1"),
  }),
);
const HOSTILE = [
  "",
  "NULL",
  "null",
  "{}",
  '"',
  "\\",
  '\\"',
  "a,b",
  " a ",
  "\t\r\n",
  "'; --",
  "\\x00",
  "\u{10ffff}",
  "\u200b",
];
const bytes = fc.uint8Array({ maxLength: 300 });
const numbers = [
  0,
  1,
  -1,
  0.1,
  1 / 3,
  5e-324,
  1.7976931348623157e308,
  -2.2250738585072014e-308,
  2 ** 53,
  1e21,
  123456789.12345679,
];

describe.each(handles)("values on %s", { timeout: 60_000 }, (_, open) => {
  let opened: Promise<PostgresHandle> | undefined;

  async function rowsOf(statement: string, ...params: SqlParam[]): Promise<SqlValue[][]> {
    opened ??= open();
    const { executor } = openPostgres(await opened);
    const { rows } = await executor.execute({ text: statement, params });
    return rows as SqlValue[][];
  }
  const listed = async (type: string, values: readonly SqlValue[]): Promise<SqlValue[]> =>
    (await rowsOf(`SELECT v FROM unnest($1::${type}[]) AS v`, values)).map(
      ([value]) => value as SqlValue,
    );

  test("texts come back alone and in lists, whatever is in them", async () => {
    expect(await listed("text", HOSTILE)).toEqual(HOSTILE);
    for (const value of HOSTILE) expect(await rowsOf("SELECT $1::text", value)).toEqual([[value]]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text), { maxLength: 30 }), async (values) => {
        expect(await listed("text", values)).toEqual(values);
      }),
      { numRuns: 100 },
    );
  });

  test("texts of a storage come back, marks of byte order among them", async () => {
    opened ??= open();
    const handle = await opened;
    const table = `texts_${Math.random().toString(36).slice(2)}`;
    const settings = new PostgresKvStorage(handle, table);
    await settings.setupDatabase();
    const texts = [...HOSTILE, "\ufeff", "\ufeff\ufeffa", "a\ufeff"];
    await settings.putBulk(texts.map((key) => ({ key, value: { [key]: key } })));
    for (const key of texts) expect(await settings.get(key)).toEqual({ [key]: key });
    const keys = ((await settings.getAll()) ?? []).map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set(texts));
    await openPostgres(handle).executor.execute({ text: `DROP TABLE "${table}"`, params: [] });
  });

  test("bytes come back alone and in lists", async () => {
    const all = Uint8Array.from({ length: 256 }, (_unused, byte) => byte);
    expect(await rowsOf("SELECT $1::bytea", all)).toEqual([[all]]);
    // A view on a part of a larger buffer.
    const part = new Uint8Array(all.buffer, 90, 20);
    expect(await rowsOf("SELECT $1::bytea", part)).toEqual([[part.slice()]]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(bytes), { maxLength: 10 }), async (values) => {
        const found = await listed("bytea", values);
        expect(found).toEqual(values);
        for (const value of found)
          expect(value === null || value.constructor === Uint8Array).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("numbers come back to the last bit", async () => {
    expect(await listed("float8", numbers)).toEqual(numbers);
    for (const value of numbers) {
      expect(await rowsOf("SELECT $1::float8", value)).toEqual([[value]]);
    }
    const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    await fc.assert(
      fc.asyncProperty(fc.array(double, { maxLength: 50 }), async (values) => {
        const found = await listed("float8", values);
        expect(found.map((value) => Number(value) + 0)).toEqual(values);
      }),
      { numRuns: 50 },
    );
  });

  test("integers are numbers where those are exact, and texts beyond", async () => {
    const largest = 2n ** 63n - 1n;
    const given = [
      0,
      -5,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      largest,
      -(2n ** 63n),
      null,
    ];
    const got = [
      0,
      -5,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      String(largest),
      String(-(2n ** 63n)),
      null,
    ];
    expect(await listed("int8", given)).toEqual(got);
    expect(await rowsOf("SELECT $1::int8", largest)).toEqual([[String(largest)]]);
    expect(await rowsOf("SELECT 7::int2, 7::int4, 7::int8, 7::numeric, 7::oid")).toEqual([
      [7, 7, 7, 7, 7],
    ]);
  });

  test("booleans are 0 and 1, and what is nothing else comes as its text", async () => {
    expect(await rowsOf("SELECT true, false, NULL::boolean, $1::boolean", 1)).toEqual([
      [1, 0, null, 1],
    ]);
    expect(await listed("boolean", [1, 0, null])).toEqual([1, 0, null]);
    expect(
      await rowsOf(
        `SELECT '{"b": 1, "a": [1,2]}'::json, '{"b":1}'::jsonb, ARRAY[1,2], 'x'::name, '12:30'::time`,
      ),
    ).toEqual([['{"b": 1, "a": [1,2]}', '{"b": 1}', "{1,2}", "x", "12:30:00"]]);
    expect(await rowsOf("SELECT $1::json", '{"z":1,"a":"\\u00e9"}')).toEqual([
      ['{"z":1,"a":"\\u00e9"}'],
    ]);
  });

  test("lists may be empty, and as long as they like", async () => {
    expect(await listed("text", [])).toEqual([]);
    const long = Array.from({ length: 100_000 }, (_unused, i) => i);
    expect(
      await rowsOf("SELECT count(*), sum(v)::float8 FROM unnest($1::int8[]) AS v", long),
    ).toEqual([[100_000, 4_999_950_000]]);
  });

  test("columns of one name stay apart", async () => {
    expect(await rowsOf("SELECT 1 AS a, 2 AS a, 3 AS a")).toEqual([[1, 2, 3]]);
  });
});
