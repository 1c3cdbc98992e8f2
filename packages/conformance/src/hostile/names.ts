import { assertEqual, assertThrowsInvalid, fail } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, CaseContext, TestTabular } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { user, users } from "../tabular/tables.ts";

/** Names that a schema may hold and that careless SQL, object or file handling breaks on. */
const NAMES: readonly string[] = [
  "select",
  "table",
  "group",
  "order",
  "index",
  "user",
  "values",
  "primary",
  "null",
  "camelCase",
  "PascalCase",
  "UPPER_CASE",
  "with space",
  " leading and trailing ",
  "da-sh",
  "do.t",
  "sl/ash",
  "back\\slash",
  "per%cent",
  "semi;colon",
  'double"quote',
  "single'quote",
  "back`tick",
  "[brackets]",
  "(parens)",
  "--comment",
  "/* comment */",
  "'; DROP TABLE users; --",
  '"; DROP TABLE users; --',
  "?1",
  ":param",
  "@param",
  "$1",
  "1starts_with_digit",
  "\u00fcml\u00e4ut",
  "\u6587\u5b57",
  "\u{1f600}",
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "prototype",
  "rowid",
  "oid",
  "_rowid_",
  "ctid",
  "xmin",
  "key",
  "value",
  "position",
  "old",
  "new",
  "type",
  "rank",
  "distance",
  "k",
  "id",
  "x".repeat(63),
];

async function exercise(table: TestTabular, column: string): Promise<void> {
  const rows = ["a", "b", "c"].map((value, i) => ({ id_: `${i}`, [column]: value }));
  assertEqual(await table.putBulk(rows), rows, "putBulk");
  assertEqual(await table.get({ id_: "1" }), rows[1], "get");
  assertEqual(await table.query({ [column]: "b" }), [rows[1]], "query");
  const above = { [column]: { operator: ">", value: "a" } } as const;
  const orderBy = [{ column, direction: "DESC" }] as const;
  assertEqual(await table.query(above, { orderBy }), [rows[2], rows[1]], "an ordered query");
  assertEqual(await table.getAll({ select: [column], limit: 1 }), [{ [column]: "a" }], "select");
  const { items, nextCursor } = await table.getPage({ orderBy, limit: 2 });
  assertEqual(items, [rows[2], rows[1]], "a page");
  assertEqual(
    (await table.getPage({ orderBy, cursor: nextCursor })).items,
    [rows[0]],
    "the next page",
  );
  assertEqual(
    await table.update({ id_: "0" }, { [column]: "d" }, { expect: { [column]: "a" } }),
    { id_: "0", [column]: "d" },
    "update",
  );
  await table.deleteSearch({ [column]: { operator: "in", value: ["b", "c"] } });
  assertEqual(await collect(table.records()), [{ id_: "0", [column]: "d" }], "records");
}

function withColumn(column: string) {
  const properties = { id_: { type: "string" }, [column]: { type: "string" } } as const;
  const schema = { type: "object", properties, required: ["id_"] } as const;
  return { schema, primaryKey: ["id_"], indexes: [column] };
}

/** Whether a storage of that specification refused to be made, as `invalid`. */
async function isRefused(make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make();
    return false;
  } catch (error) {
    if ((error as { kind?: unknown }).kind !== "invalid") throw error;
    return true;
  }
}

async function namedTable(c: CaseContext, table: string): Promise<void> {
  const storage = await c.tabular({ ...users, table });
  await storage.put(user("a"));
  assertEqual(
    await storage.query({ name: "name of a" }),
    [user("a")],
    `the rows of ${show(table)}`,
  );
}

export const nameCases: readonly Case[] = [
  {
    name: "any column name works, indexed and queried",
    timeoutMs: 60_000,
    run: async (c) => {
      for (const column of NAMES) {
        const table = await c.tabular(withColumn(column));
        try {
          await exercise(table, column);
        } catch (error) {
          fail(`a column called ${show(column)}: ${(error as Error).message}`);
        }
      }
    },
  },
  {
    name: "any column name works as a key",
    timeoutMs: 60_000,
    run: async (c) => {
      for (const column of NAMES) {
        const properties = { [column]: { type: "string" }, note_: { type: "integer" } } as const;
        const schema = { type: "object", properties, required: [column] } as const;
        const table = await c.tabular({ schema, primaryKey: [column] });
        const row = { [column]: "a", note_: 1 };
        await table.put({ ...row, note_: 0 });
        await table.put(row);
        assertEqual(await table.get({ [column]: "a" }), row, `the row by ${show(column)}`);
        assertEqual(await table.getMany([{ [column]: "a" }]), [row], `the rows by ${show(column)}`);
        await table.delete({ [column]: "a" });
        assertEqual(await table.size(), 0, `the size of the table with the key ${show(column)}`);
      }
    },
  },
  {
    name: "all these columns fit one table",
    run: async (c) => {
      const properties = Object.fromEntries(
        NAMES.map((name) => [name, { type: "string" }]),
      ) as Record<string, { type: "string" }>;
      const table = await c.tabular({
        schema: { type: "object", properties, required: ["id"] },
        primaryKey: ["id"],
      });
      const row = Object.fromEntries(NAMES.map((name) => [name, `value of ${name}`]));
      await table.put(row);
      assertEqual(await table.getAll(), [row], "the rows");
      assertEqual(
        await table.update({ id: row.id }, { constructor: "x" }),
        { ...row, constructor: "x" },
        "update",
      );
    },
  },
  {
    name: "any table name works, and no two are the same table",
    timeoutMs: 60_000,
    run: async (c) => {
      for (const table of NAMES) await namedTable(c, table);
      for (const table of NAMES) {
        const storage = await c.tabular({ ...users, table: `${table}2`.slice(-63) });
        assertEqual(await storage.size(), 0, `the size of a table named like ${show(table)}`);
      }
    },
  },
  {
    name: "table and column names that a database takes for one are kept apart or refused",
    requires: [sharedTables],
    run: async (c) => {
      for (const [first, second] of [
        ["Notes", "notes"],
        ["\u00c4", "\u00e4"],
        [`${"x".repeat(63)}1`, `${"x".repeat(63)}2`],
      ] as const) {
        if (await isRefused(() => c.tabular({ ...users, table: first }))) continue;
        const one = await c.tabular({ ...users, table: first });
        await one.put(user("a"));
        const refused = await isRefused(async () => {
          const other = await c.tabular({ ...users, table: second });
          assertEqual(await other.size(), 0, `the size of ${show(second)} beside ${show(first)}`);
        });
        if (!refused) assertEqual(await one.size(), 1, `the size of ${show(first)}`);
      }
      const properties = {
        id: { type: "string" },
        note: { type: "string" },
        Note: { type: "string" },
      } as const;
      const schema = { type: "object", properties, required: ["id"] } as const;
      await isRefused(async () => {
        const table = await c.tabular({ schema, primaryKey: ["id"] });
        await table.put({ id: "a", note: "lower", Note: "upper" });
        assertEqual(await table.getAll(), [{ id: "a", note: "lower", Note: "upper" }], "the row");
      });
    },
  },
  {
    name: "table names that no database keeps are refused",
    requires: [sharedTables],
    run: async (c) => {
      for (const table of ["", "a\0b", "\ud800"]) {
        assertThrowsInvalid(
          () => c.constructTabular({ ...users, table }),
          `the table name ${show(table)}`,
        );
      }
    },
  },
  {
    name: "names of the database's own tables are kept apart or refused",
    requires: [sharedTables],
    run: async (c) => {
      for (const table of [
        "sqlite_master",
        "sqlite_stat1",
        "sqlite_x",
        "pg_class",
        "information_schema",
        "_workglow_changes",
      ]) {
        await isRefused(() => namedTable(c, table));
      }
    },
  },
];
