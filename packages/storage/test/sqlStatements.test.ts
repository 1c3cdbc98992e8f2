import {
  compileCriteria,
  completeOrder,
  type OrderColumn,
  or,
  type Prefix,
  TableSchema,
} from "@workglow/storage";
import {
  createIndexSql,
  createTableSql,
  type SqlStatement,
  SqlTable,
  TableStatements,
} from "@workglow/storage/sql";
import { describe, expect, it } from "vitest";
import { numberedDialect } from "./numberedDialect.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    n: { type: "integer" },
    at: { type: "string", format: "date-time" },
    big: { type: "integer", format: "int64" },
  },
  required: ["id", "n"],
} as const;

/** Texts without the table's name before its columns, for reading. */
const plain = (text: string): string => text.replaceAll('"notes".', "");
const plainly = ({ text, params }: SqlStatement): SqlStatement => ({ text: plain(text), params });

const tenant: Prefix = { name: "tenant", type: "uuid", value: "abc" };

function statementsOf(prefixes: readonly Prefix[] = []) {
  const columns = new TableSchema(schema, ["id"], ["at"], ["n"]);
  const table = new SqlTable("notes", columns, prefixes, numberedDialect);
  return { columns, table, statements: new TableStatements(table) };
}

describe("statements on a table", () => {
  it("number their placeholders in the order of their parameters, the tenant's first", () => {
    const { statements } = statementsOf([tenant]);
    expect(plain(statements.selectByKey)).toBe(
      'SELECT "id", "n", "at", "big"::text FROM "notes" WHERE "tenant" = $1 AND "id" = $2',
    );
    expect(statements.upsert).toBe(
      'INSERT INTO "notes" ("tenant", "id", "n", "at", "big") VALUES ($1, $2, $3, $4::timestamp, $5)' +
        ' ON CONFLICT ("tenant", "id") DO UPDATE SET "n" = excluded."n", "at" = excluded."at", "big" = excluded."big"',
    );
    expect(statements.upsertStack.text(2)).toContain(
      "VALUES ($1, $2, $3, $4::timestamp, $5), ($6, $7, $8, $9::timestamp, $10) ON CONFLICT",
    );
    expect(statements.upsertStack.text(2)).toBe(statements.upsertStack.text(2));
    expect(plain(statements.deleteByKey)).toBe(
      'DELETE FROM "notes" WHERE "tenant" = $1 AND "id" = $2',
    );
  });

  it("restrict every read and delete to the tenant", () => {
    const { columns, statements } = statementsOf([tenant]);
    const where = compileCriteria(columns, { n: { operator: "in", value: [1, 2] }, at: null });
    expect(plainly(statements.count(where))).toEqual({
      text: 'SELECT count(*) FROM "notes" WHERE "tenant" = $1 AND ("n" = ANY ($2) AND "at" IS NULL)',
      params: ["abc", [1, 2]],
    });
    expect(plain(statements.count(undefined).text)).toBe(
      'SELECT count(*) FROM "notes" WHERE "tenant" = $1',
    );
    expect(plainly(statements.deleteWhere(undefined, true))).toEqual({
      text: 'DELETE FROM "notes" WHERE "tenant" = $1 RETURNING "id"',
      params: ["abc"],
    });
    expect(plainly(statements.selectByKeys([{ id: "a" }, { id: "b" }]))).toEqual({
      text: 'SELECT "id", "n", "at", "big"::text FROM "notes" WHERE "tenant" = $1 AND "id" = ANY ($2)',
      params: ["abc", ["a", "b"]],
    });
  });

  it("name the table before its columns, which some builds of SQLite would else take for texts", () => {
    const { columns, statements } = statementsOf();
    const where = compileCriteria(columns, { n: 1 });
    expect(statements.selectByKey).toBe(
      'SELECT "notes"."id", "notes"."n", "notes"."at", "notes"."big"::text FROM "notes" WHERE "notes"."id" = $1',
    );
    expect(statements.count(where).text).toBe(
      'SELECT count(*) FROM "notes" WHERE "notes"."n" = $1',
    );
  });

  it("change one row where it is what was expected", () => {
    const { columns, statements } = statementsOf();
    const expected = compileCriteria(columns, {
      n: 1,
      at: { operator: "!=", value: "2024-01-01T00:00:00Z" },
    });
    expect(
      plainly(statements.update({ id: "a" }, { n: 2, at: undefined, big: 7n }, expected)),
    ).toEqual({
      text:
        'UPDATE "notes" SET "n" = $1, "at" = $2::timestamp, "big" = $3 WHERE "id" = $4' +
        ' AND ("n" = $5 AND ("at" <> $6::timestamp OR "at" IS NULL)) RETURNING "id", "n", "at", "big"::text',
      params: [2, null, 7n, "a", 1, "2024-01-01T00:00:00.000Z"],
    });
    expect(plain(statements.update({ id: "a" }, {}, undefined).text)).toMatch(
      /^SELECT .* WHERE "id" = \$1$/,
    );
  });

  it("ask no column that cannot be null for null", () => {
    const { columns, statements } = statementsOf();
    const where = compileCriteria(columns, {
      n: { operator: "!=", value: 1 },
      id: { operator: "not-in", value: ["a"] },
    });
    expect(statements.count(where).text).not.toContain("NULL");
  });
});

describe("conditions of many parts", () => {
  const many = (count: number) =>
    or<{ n: number }>(...Array.from({ length: count }, (_, n) => ({ n })));

  it("are as deep as the logarithm of their number", () => {
    const { columns, statements } = statementsOf();
    const { text, params } = statements.count(compileCriteria(columns, many(5_000)));
    expect(params).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    let depth = 0;
    let deepest = 0;
    for (const character of text) {
      if (character === "(") deepest = Math.max(deepest, ++depth);
      if (character === ")") depth--;
    }
    expect(deepest).toBeLessThan(15);
    const longest = Math.max(...text.split(/[()]/).map((part) => part.split(" OR ").length));
    expect(longest).toBeLessThanOrEqual(8);
    expect(text.match(/ OR /g)).toHaveLength(4_999);
  });

  it("are refused where they need more parameters than the database takes", () => {
    const { columns, statements } = statementsOf();
    const { maxParameters } = numberedDialect;
    const { params } = statements.count(compileCriteria(columns, many(maxParameters)));
    expect(params).toHaveLength(maxParameters);
    expect(() => statements.count(compileCriteria(columns, many(maxParameters + 1)))).toThrow(
      expect.objectContaining({
        kind: "invalid",
        message: expect.stringMatching(/65535 parameters/) as string,
      }) as Error,
    );
  });
});

describe("pages", () => {
  const segments = (order: readonly OrderColumn[], after: readonly (string | number | null)[]) => {
    const { columns, statements } = statementsOf();
    const plan = {
      where: undefined,
      order,
      limit: 3,
      offset: undefined,
      after,
      columns: columns.columns,
    };
    return statements.select(plan).map((query) => {
      const { text, params } = query(3);
      return [plain(text).replace(/^.* WHERE (.*) ORDER BY .*$/, "$1"), params.slice(0, -1)];
    });
  };
  const ordered = (column: "n" | "at", direction: "ASC" | "DESC") =>
    completeOrder(statementsOf().columns, [{ column, direction }]);

  it("are one comparison of row values where directions agree and no null is in the way", () => {
    expect(segments(ordered("n", "ASC"), [5, "k"])).toEqual([['("n", "id") > ($1, $2)', [5, "k"]]]);
    expect(segments(ordered("n", "DESC"), [5, "k"])).toEqual([
      ['("n", "id") < ($1, $2)', [5, "k"]],
    ]);
    expect(segments(ordered("at", "ASC"), ["t", "k"])).toEqual([
      ['("at", "id") > ($1::timestamp, $2)', ["t", "k"]],
    ]);
  });

  it("read nulls, which come last descending, in a query of their own", () => {
    expect(segments(ordered("at", "DESC"), ["t", "k"])).toEqual([
      ['("at", "id") < ($1::timestamp, $2)', ["t", "k"]],
      ['"at" IS NULL', []],
    ]);
    expect(segments(ordered("at", "DESC"), [null, "k"])).toEqual([
      ['"at" IS NULL AND "id" < $1', ["k"]],
    ]);
    expect(segments(ordered("at", "ASC"), [null, "k"])).toEqual([
      ['"at" IS NULL AND "id" > $1', ["k"]],
      ['"at" IS NOT NULL', []],
    ]);
  });

  it("are several ranges in mixed directions, the rest of a value first", () => {
    const [n, id] = completeOrder(statementsOf().columns, [
      { column: "n", direction: "ASC" },
      { column: "id", direction: "DESC" },
    ]) as readonly [OrderColumn, OrderColumn];
    expect(segments([n, id], [5, "k"])).toEqual([
      ['"n" = $1 AND "id" < $2', [5, "k"]],
      ['"n" > $1', [5]],
    ]);
  });
});

describe("physical tables", () => {
  it("have the tenant's columns first, in the key and in every index", () => {
    const { table } = statementsOf([tenant]);
    expect(createTableSql(table)).toBe(
      'CREATE TABLE "notes" (\n  "tenant" TEXT NOT NULL,\n  "id" TEXT NOT NULL,\n  "n" INTEGER NOT NULL,\n' +
        '  "at" TIMESTAMP,\n  "big" INT64,\n  PRIMARY KEY ("tenant", "id")\n)',
    );
    expect(
      table.indexes.map((index) => createIndexSql(table, index).replace(/"notes_\w+"/, "i")),
    ).toEqual([
      'CREATE INDEX i ON "notes" ("tenant" ASC, "at" ASC NULLS FIRST, "id" ASC)',
      'CREATE UNIQUE INDEX i ON "notes" ("tenant" ASC, "n" ASC)',
    ]);
  });

  it.each([
    ["an empty name", ""],
    ["NUL", "a\0b"],
    ["a lone surrogate", "a\ud800"],
    ["a name that the database would cut", "ä".repeat(32)],
    ["a name that the database keeps for itself", "pg_class"],
  ])("refuse %s", (_, name) => {
    const columns = new TableSchema(schema, ["id"]);
    expect(() => new SqlTable(name, columns, [], numberedDialect)).toThrow(
      expect.objectContaining({ kind: "invalid" }) as Error,
    );
  });

  it("quote any other name", () => {
    const odd = 'select "*" from x; --';
    const columns = new TableSchema(
      { type: "object", properties: { [odd]: { type: "string" } }, required: [odd] },
      [odd],
    );
    const { selectByKey } = new TableStatements(new SqlTable(odd, columns, [], numberedDialect));
    const quoted = '"select ""*"" from x; --"';
    const column = `${quoted}.${quoted}`;
    expect(selectByKey).toBe(`SELECT ${column} FROM ${quoted} WHERE ${column} = $1`);
  });

  it("refuse more columns than the database has", () => {
    const properties = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [`c${i}`, { type: "string" as const }]),
    );
    const columns = new TableSchema({ type: "object", properties, required: ["c0"] }, ["c0"]);
    expect(() => new SqlTable("t", columns, [], numberedDialect)).toThrow(/at most 5 columns/);
  });
});
