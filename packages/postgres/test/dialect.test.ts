import type { SqlColumnType, SqlStatement, SqlValue } from "@workglow/storage/sql";
import { SqlBuilder } from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresDialect } from "../src/postgresDialect.ts";
import { type DialectPlace, dialectPlaces } from "./dialectPlaces.ts";

const TYPES: readonly SqlColumnType[] = [
  "text",
  "double",
  "integer",
  "int64",
  "boolean",
  "timestamp",
  "bytes",
  "json",
];

/** What goes in and, where that is something else, what comes out. */
const VALUES: Readonly<Record<SqlColumnType, readonly SqlValue[]>> = {
  text: ["", "it's", '{"a","b"}', "NULL", "\\x00\n\t", " \u{1F600} é ", "a".repeat(300), "\uFFFF"],
  double: [0, -1.5, 1e21, 5e-324, 1.7976931348623157e308, 0.1, 2 ** 53 + 2, -(2 ** 60)],
  integer: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  int64: [2n ** 63n - 1n, -(2n ** 63n), 0n, 2n ** 53n + 1n],
  boolean: [1, 0],
  timestamp: [
    "0001-01-01T00:00:00.000Z",
    "1969-12-31T23:59:59.999Z",
    "2024-02-29T12:34:56.700Z",
    "9999-12-31T23:59:59.999Z",
  ],
  bytes: [new Uint8Array(), new Uint8Array([0, 1, 39, 92, 255]), new Uint8Array(3000).fill(7)],
  json: ['{"b":1,"a":"\\"\\\\,{}"}', "null", "[]", '"x"', "1e3", '{"a":1,  "a":2}'],
};

const decoded = (type: SqlColumnType, value: SqlValue): SqlValue =>
  type === "int64" && value !== null ? String(value) : value;

describe.each(dialectPlaces)("the dialect on $title", ({ open }) => {
  let place: DialectPlace;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  const dialect = () => place.executor.dialect;
  const run = (statement: SqlStatement) => place.executor.execute(statement);

  describe("values", () => {
    const table = () => dialect().qualified("values");
    const columns = TYPES.map((type) => `"c ${type}"`);
    beforeAll(async () => {
      const ddl = TYPES.map((type, i) => `${columns[i]} ${dialect().columnType(type)}`);
      await place.rows(`CREATE TABLE ${table()} ("row" bigint, ${ddl.join(", ")})`);
    });

    const longest = Math.max(...TYPES.map((type) => VALUES[type].length));
    const rows = Array.from({ length: longest }, (_, row) =>
      TYPES.map((type): SqlValue => VALUES[type][row] ?? null),
    );
    const expected = rows.map((row) =>
      row.map((value, i) => decoded(TYPES[i] as SqlColumnType, value)),
    );

    async function stored(settings: readonly string[] = []) {
      const selected = TYPES.map((type, i) =>
        dialect().selectExpression(columns[i] as string, type),
      );
      const text = `SELECT ${selected.join(", ")} FROM ${table()} ORDER BY "row"`;
      return await place.executor.transaction(async (tx) => {
        for (const setting of settings) await tx.execute({ text: setting, params: [] });
        return (await tx.execute({ text, params: [] })).rows;
      });
    }

    it.each([
      ["one by one", "values"],
      ["as lists", "lists"],
    ])("come back as they were stored %s", async (_, way) => {
      await place.rows(`TRUNCATE ${table()}`);
      if (way === "values") {
        for (const [at, row] of rows.entries()) {
          const sql = new SqlBuilder(dialect());
          const values = row.map((value, i) => sql.bindAs(value, TYPES[i] as SqlColumnType));
          await run(sql.statement(`INSERT INTO ${table()} VALUES (${at}, ${values.join(", ")})`));
        }
      } else {
        const sql = new SqlBuilder(dialect());
        const numbered = rows.map((row, at) => [at, ...row]);
        const source = dialect().rowSource(["integer", ...TYPES], numbered, sql.bind);
        await run(sql.statement(`INSERT INTO ${table()} ${source}`));
      }
      expect(await stored()).toEqual(expected);
    });

    it("look the same in every time zone, date style and number format", async () => {
      expect(
        await stored([
          "SET LOCAL TIME ZONE 'Asia/Tokyo'",
          "SET LOCAL DateStyle = 'German, DMY'",
          "SET LOCAL bytea_output = 'escape'",
          "SET LOCAL extra_float_digits = 3",
        ]).catch((error: unknown) => error),
      ).toEqual(expected);
    });

    it("are found by comparison, and in lists of any length", async () => {
      for (const [i, type] of TYPES.entries()) {
        if (type === "json") continue;
        for (const [row, value] of VALUES[type].entries()) {
          const sql = new SqlBuilder(dialect());
          const bound = sql.bindAs(value, type);
          const listed = dialect().membership(columns[i] as string, type, [value], false, sql.bind);
          const { rows: found } = await run(
            sql.statement(
              `SELECT "row" FROM ${table()} WHERE ${columns[i]} = ${bound} AND ${listed}`,
            ),
          );
          expect(found, `${type} ${row}`).toEqual([[row]]);
        }
        const sql = new SqlBuilder(dialect());
        const values = VALUES[type];
        const outside = dialect().membership(columns[i] as string, type, values, true, sql.bind);
        const { rows: others } = await run(
          sql.statement(`SELECT "row" FROM ${table()} WHERE ${outside}`),
        );
        expect(others, type).toEqual([]);
      }
    });

    it("are written as constants, whatever the session makes of backslashes", async () => {
      for (const setting of ["on", "off"]) {
        await place.executor.transaction(async (tx) => {
          await tx.execute({
            text: `SET LOCAL standard_conforming_strings = ${setting}`,
            params: [],
          });
          for (const type of TYPES) {
            for (const value of [...VALUES[type], null]) {
              const typed = `${dialect().literal(value)}::${dialect().columnType(type).split(" COLLATE")[0]}`;
              const text = `SELECT ${dialect().selectExpression(`(${typed})`, type)}`;
              const { rows: found } = await tx.execute({ text, params: [] });
              expect(found, `${type} ${value}`).toEqual([[decoded(type, value)]]);
            }
          }
        });
      }
    });
  });

  it("orders texts by code point, nulls first ascending and last descending", async () => {
    const table = dialect().qualified("order");
    await place.rows(`CREATE TABLE ${table} ("t" ${dialect().columnType("text")})`);
    await place.rows(
      `INSERT INTO ${table} VALUES ('b'), ('B'), (NULL), ('a'), ('A'), ('é'), ('\u{1F600}'), ('\uFFFD')`,
    );
    const ordered = async (descending: boolean) => {
      const term = dialect().orderTerm('"t"', descending, true);
      return (await place.rows(`SELECT "t" FROM ${table} ORDER BY ${term}`)).map(([t]) => t);
    };
    const ascending = [null, "A", "B", "a", "b", "é", "\uFFFD", "\u{1F600}"];
    expect(await ordered(false)).toEqual(ascending);
    expect(await ordered(true)).toEqual([...ascending].reverse());
  });

  describe("time", () => {
    const text = (expression: string) => dialect().selectExpression(`(${expression})`, "timestamp");

    it("is the server's, in whole milliseconds, never in the future, and moves in a transaction", async () => {
      const now = dialect().nowExpression;
      const [[whole, past] = []] = await place.rows(
        `SELECT ${now} = date_trunc('milliseconds', ${now}), ${now} <= clock_timestamp()`,
      );
      expect([whole, past]).toEqual([1, 1]);
      const [first, second] = await place.executor.transaction(async (tx) => {
        const time = async () =>
          (await tx.execute({ text: `SELECT ${text(now)}`, params: [] })).rows[0]?.[0] as string;
        const before = await time();
        await tx.execute({ text: "SELECT pg_sleep(0.01)", params: [] });
        return [before, await time()];
      });
      expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Date.parse(second as string) - Date.parse(first as string)).toBeGreaterThanOrEqual(9);
    });

    it("is added to in milliseconds, across days and years, by any expression", async () => {
      const sql = new SqlBuilder(dialect());
      const start = sql.bindAs("2023-12-31T23:59:59.999Z", "timestamp");
      const added = [
        sql.bindAs(1, "integer"),
        `-${sql.bindAs(1000, "double")}`,
        sql.bindAs(86_400_000 * 400, "integer"),
        "CASE WHEN true THEN 5 ELSE 7 END",
        "NULL::bigint",
      ].map((ms) => text(dialect().addMilliseconds(start, ms)));
      const { rows } = await run(sql.statement(`SELECT ${added.join(", ")}`));
      expect(rows).toEqual([
        [
          "2024-01-01T00:00:00.000Z",
          "2023-12-31T23:59:58.999Z",
          "2025-02-03T23:59:59.999Z",
          "2024-01-01T00:00:00.004Z",
          null,
        ],
      ]);
    });
  });

  describe("fields of JSON", () => {
    const hostile = {
      "it's": "quoted",
      '"': { "\\": { $x: "deep" } },
      "0": "zero",
      list: ["first", "second"],
      text: "1",
      number: 1,
      huge: 1.7976931348623157e308,
      tiny: 5e-324,
      yes: true,
      no: false,
      nothing: null,
      empty: "",
      nested: { a: { b: null, c: "é\u{1F600}" } },
      constructor: "own",
      "'; DROP TABLE x; --": "safe",
    };
    const documents = [hostile, ["first"], "text", 5, true, null, {}, { nested: 1, text: {} }];

    async function fieldOf(
      path: readonly string[],
      kind: "string" | "number" | "boolean" | "json",
    ) {
      const sql = new SqlBuilder(dialect());
      const source = dialect().rowSource(
        ["integer", "json"],
        documents.map((document, at) => [at, JSON.stringify(document)]),
        sql.bind,
      );
      const field = dialect().jsonField('"d"', path, kind, sql.bind);
      const { rows } = await run(
        sql.statement(`SELECT ${field} FROM (${source}) AS "s" ("at", "d") ORDER BY "at"`),
      );
      return rows.map(([value]) => value);
    }
    const only = (value: SqlValue) => [value, null, null, null, null, null, null, null];

    it.each<[readonly string[], string]>([
      [["it's"], "quoted"],
      [['"', "\\", "$x"], "deep"],
      [["0"], "zero"],
      [["text"], "1"],
      [["empty"], ""],
      [["nested", "a", "c"], "é\u{1F600}"],
      [["constructor"], "own"],
      [["'; DROP TABLE x; --"], "safe"],
    ])("finds the text at %j and takes nothing else for one", async (path, value) => {
      expect(await fieldOf(path, "string")).toEqual(only(value));
      expect(await fieldOf(path, "number")).toEqual(only(null));
      expect(await fieldOf(path, "boolean")).toEqual(only(null));
    });

    it("takes a value of another kind, or none, for null", async () => {
      for (const name of ["number", "yes", "nothing", "list", "nested", "absent"]) {
        expect(await fieldOf([name], "string"), name).toEqual(only(null));
      }
      for (const path of [
        ["list", "0"],
        ["nested", "a", "b"],
        ["text", "x"],
        ["number", "x"],
      ]) {
        expect(await fieldOf(path, "string"), path.join()).toEqual(only(null));
      }
    });

    it("reads numbers and booleans exactly", async () => {
      expect(await fieldOf(["number"], "number")).toEqual(only(1));
      expect(await fieldOf(["huge"], "number")).toEqual(only(hostile.huge));
      expect(await fieldOf(["tiny"], "number")).toEqual(only(hostile.tiny));
      expect(await fieldOf(["yes"], "boolean")).toEqual(only(1));
      expect(await fieldOf(["no"], "boolean")).toEqual(only(0));
    });

    it("tells whether there is anything but null", async () => {
      const there = async (path: readonly string[]) =>
        (await fieldOf(path, "json")).map((value) => value !== null);
      expect(await there(["nested"])).toEqual([
        true,
        false,
        false,
        false,
        false,
        false,
        false,
        true,
      ]);
      expect(await there(["nothing"])).toEqual(Array(8).fill(false));
      expect(await there(["no"])).toEqual([true, ...Array(7).fill(false)]);
    });
  });

  describe("tables", () => {
    const describeTable = (name: string) =>
      place.executor.atomic(() => dialect().describeTable(name), { mode: "read" });
    const exists = async (name: string) =>
      (await place.rows(`SELECT ${dialect().tableExistsExpression(name)}`))[0]?.[0] === 1;

    it("are described as the library made them", async () => {
      const name = `It's "so"`;
      const table = dialect().qualified(name);
      const ddl = TYPES.map(
        (type, i) => `"${type}" ${dialect().columnType(type)}${i < 2 ? " NOT NULL" : ""}`,
      );
      expect(await describeTable(name)).toBeUndefined();
      expect(await exists(name)).toBe(false);
      await place.rows(`CREATE TABLE ${table} (${ddl.join(", ")}, PRIMARY KEY ("double", "text"))`);
      await place.rows(
        `CREATE INDEX "plain" ON ${table} (${dialect().orderTerm('"integer"', false, true)}, "text")`,
      );
      await place.rows(`CREATE UNIQUE INDEX "once" ON ${table} ("boolean", "text")`);
      expect(await exists(name)).toBe(true);
      expect(await describeTable(name)).toEqual({
        name,
        columns: TYPES.map((type) => ({
          name: type,
          declaredType: dialect().columnType(type),
          nullable: type !== "text" && type !== "double",
          keyPosition: { double: 1, text: 2 }[type as string] ?? 0,
        })),
        indexes: [
          { name: "once", columns: ["boolean", "text"], unique: true, plain: true },
          { name: "plain", columns: ["integer", "text"], unique: false, plain: true },
        ],
      });
    });

    it("are found by exactly their name, in the schema alone", async () => {
      await place.rows(`CREATE TABLE ${dialect().qualified("Case")} ()`);
      expect(await describeTable("Case")).toEqual({ name: "Case", columns: [], indexes: [] });
      expect(await describeTable("case")).toBeUndefined();
      // In the search path, but not in the schema.
      expect(await describeTable("pg_class")).toBeUndefined();
      expect(await exists("pg_class")).toBe(false);
      const other = postgresDialect({ schema: "no such schema" });
      expect(await place.executor.atomic(() => other.describeTable("Case"))).toBeUndefined();
      await place.rows(`CREATE VIEW ${dialect().qualified("view")} AS SELECT 1 AS "one"`);
      expect(await describeTable("view")).toBeUndefined();
    });

    it("have plain indexes only where they do all that the schema's would do", async () => {
      const table = dialect().qualified("indexed");
      await place.rows(`CREATE TABLE ${table} (
  "id" bigint PRIMARY KEY, "t" text COLLATE "C", "n" bigint NOT NULL, "d" text)`);
      const indexes: Readonly<Record<string, readonly [string, boolean]>> = {
        forwards: [`INDEX … ("t" NULLS FIRST, "n")`, true],
        backwards: [`INDEX … ("t" DESC NULLS LAST, "n" DESC)`, true],
        including: [`INDEX … ("t" NULLS FIRST) INCLUDE ("n")`, true],
        "nulls last": [`INDEX … ("t", "n")`, false],
        mixed: [`INDEX … ("t" NULLS FIRST, "n" DESC)`, false],
        "not null first": [`INDEX … ("n" NULLS FIRST)`, false],
        partial: [`INDEX … ("n") WHERE "n" > 0`, false],
        expression: [`INDEX … (("n" + 1), "n")`, false],
        hash: [`INDEX … USING hash ("n")`, false],
        "other collation": [`INDEX … ("t" COLLATE "POSIX" NULLS FIRST)`, false],
        "other operators": [`INDEX … ("t" text_pattern_ops NULLS FIRST)`, false],
        unique: [`UNIQUE INDEX … ("t", "n")`, true],
      };
      for (const [name, [ddl]] of Object.entries(indexes)) {
        await place.rows(`CREATE ${ddl.replace("…", `"${name}" ON ${table}`)}`);
      }
      await place.rows(`ALTER TABLE ${table} ADD CONSTRAINT "later" UNIQUE ("n") DEFERRABLE`);
      const found = (await describeTable("indexed"))?.indexes ?? [];
      const plain = Object.fromEntries(found.map((index) => [index.name, index.plain]));
      const wanted = Object.entries(indexes).map(([name, [, isPlain]]) => [name, isPlain]);
      expect(plain).toEqual({ ...Object.fromEntries(wanted), later: false });
      expect(found.find(({ name }) => name === "including")?.columns).toEqual(["t"]);
    });

    it("of users are taken where they keep every value and its order", async () => {
      const table = dialect().qualified("users' own");
      const columns: readonly (readonly [string, SqlColumnType, boolean])[] = [
        [`varchar(20) COLLATE "C"`, "text", true],
        [`text COLLATE "POSIX"`, "text", true],
        [`text COLLATE "und-x-icu"`, "text", false],
        ["uuid", "text", false],
        ["int", "integer", true],
        ["smallint", "int64", true],
        ["numeric", "integer", false],
        ["real", "double", false],
        ["timestamptz", "timestamp", false],
        ["timestamp(3)", "timestamp", false],
        ["jsonb", "json", false],
        ["bytea", "bytes", true],
      ];
      const ddl = columns.map(([type], i) => `"c${i}" ${type}`);
      await place.rows(`CREATE TABLE ${table} (${ddl.join(", ")})`);
      const found = (await describeTable("users' own"))?.columns ?? [];
      for (const [i, [type, wanted, same]] of columns.entries()) {
        const declared = found[i]?.declaredType as string;
        expect(dialect().sameType(declared, dialect().columnType(wanted)), type).toBe(same);
      }
    });
  });
});

describe("names", () => {
  it("are quoted, and qualified by the schema", () => {
    expect(postgresDialect().qualified('a"b')).toBe('"a""b"');
    expect(postgresDialect({ schema: 'my "app"' }).qualified("t")).toBe('"my ""app"""."t"');
  });

  it.each(["", "pg_catalog", "pg_toast", "information_schema", "a\0b", "é".repeat(32)])(
    "of a schema cannot be %j",
    (schema) => {
      expect(() => postgresDialect({ schema })).toThrow(StorageValidationError);
    },
  );

  it("of tables hold 63 bytes", () => {
    const { qualified } = postgresDialect({ schema: "app" });
    expect(qualified(`${"é".repeat(31)}x`)).toContain("é");
    expect(() => qualified("é".repeat(32))).toThrow(StorageValidationError);
  });
});
