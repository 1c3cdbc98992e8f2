import { SqliteTabularStorage } from "@workglow/sqlite";
import {
  InMemoryTabularStorage,
  type Migration,
  type MigrationStep,
  not,
  or,
  type TabularStorageOptions,
} from "@workglow/storage";
import { StorageValidationError } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, spiedHandle, type TestHandle } from "./drivers.ts";

type Rows = SqliteTabularStorage<
  DataPortSchemaObject,
  readonly string[],
  Record<string, unknown>,
  { id: string },
  Record<string, unknown>
>;

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;

interface Shape extends Pick<TabularStorageOptions, "migrations" | "uniqueIndexes"> {
  readonly properties: DataPortSchemaObject["properties"];
  readonly required?: readonly string[];
  readonly indexes?: readonly (string | readonly string[])[];
}

const schemaOf = ({ properties, required = [] }: Shape): DataPortSchemaObject => ({
  type: "object",
  properties: { id: text, ...properties },
  required: ["id", ...required],
});

function tableOf(db: TestHandle, shape: Shape): Rows {
  const { indexes = [], uniqueIndexes = [], migrations = [] } = shape;
  const options = { uniqueIndexes, migrations };
  return new SqliteTabularStorage(
    db,
    "notes",
    schemaOf(shape),
    ["id"],
    indexes as never,
    options as never,
  ) as never;
}

const writes = (ran: readonly string[]): readonly string[] =>
  ran.filter((statement) => /^\s*(?:CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)/i.test(statement));

const one = (...steps: readonly MigrationStep[]): readonly Migration[] => [{ version: 1, steps }];

const t: Shape = { properties: { t: text } };
const tn: Shape = { properties: { t: text, n: integer } };
const n: Shape = { properties: { n: integer } };
const tt: Shape = { properties: { tt: text } };

const cases: readonly (readonly [string, Shape, Shape, readonly Migration[]])[] = [
  ["addColumn", t, { ...tn, required: ["n"] }, one({ addColumn: "n", default: 3 })],
  [
    "renameColumn",
    { ...t, indexes: ["t"] },
    { ...tt, indexes: ["tt"] },
    one({ renameColumn: "t", to: "tt" }),
  ],
  ["dropColumn", tn, n, one({ dropColumn: "t" })],
  ["dropColumn under an index", { ...tn, indexes: ["t"] }, n, one({ dropColumn: "t" })],
  [
    "dropColumn under a unique index",
    { ...tn, uniqueIndexes: [["t"]] },
    n,
    one({ dropColumn: "t" }),
  ],
  [
    "dropColumn under indexes of two columns",
    { ...tn, indexes: [["t", "n"]], uniqueIndexes: [["n", "t"]] },
    n,
    one({ dropColumn: "t" }),
  ],
  [
    "dropColumn of both columns of an index",
    { ...tn, indexes: [["n", "t"]] },
    { properties: {} },
    one({ dropColumn: "t" }, { dropColumn: "n" }),
  ],
  [
    "dropColumn of an indexed column that was renamed",
    { ...tn, indexes: [["n", "t"]] },
    n,
    one({ renameColumn: "t", to: "tt" }, { dropColumn: "tt" }),
  ],
  ["addIndex", t, { ...t, indexes: ["t"] }, one({ addIndex: ["t"] })],
  [
    "a unique addIndex",
    t,
    { ...t, uniqueIndexes: [["t"]] },
    one({ addIndex: ["t"], unique: true }),
  ],
  [
    "addIndex under a name that a renamed column's index has",
    { ...t, indexes: ["t"] },
    { properties: { t: text, tt: text }, indexes: ["t", "tt"] },
    one({ renameColumn: "t", to: "tt" }, { addColumn: "t" }, { addIndex: ["t"] }),
  ],
  ["dropIndex", { ...t, indexes: ["t"] }, t, one({ dropIndex: ["t"] })],
  ["dropIndex of a unique one", { ...t, uniqueIndexes: [["t"]] }, t, one({ dropIndex: ["t"] })],
  [
    "dropIndex after a rename",
    { ...t, uniqueIndexes: [["t"]] },
    tt,
    one({ renameColumn: "t", to: "tt" }, { dropIndex: ["tt"] }),
  ],
];

describe("printed migrations", () => {
  it.each(cases)("do all that %s asks for", async (_, before, after, migrations) => {
    const { handle, ran } = spiedHandle();
    await tableOf(handle, before).setupDatabase();
    const table = tableOf(handle, { ...after, migrations });
    handle.exec(table.schemaSql({ fromVersion: 0 }));
    ran.length = 0;
    await table.setupDatabase();
    expect(writes(ran)).toEqual([]);
    const names = Object.keys(after.properties);
    const columns = handle.prepare(`SELECT "name" FROM pragma_table_info('notes')`).all();
    expect(columns.map(({ name }) => name).sort()).toEqual(["id", ...names].sort());
    const indexes = handle.prepare(`SELECT * FROM pragma_index_list('notes')`).all();
    const wanted = (after.indexes ?? []).length + (after.uniqueIndexes ?? []).length;
    expect(indexes.filter(({ origin }) => origin === "c")).toHaveLength(wanted);
  });
});

describe.each(drivers)("printed migrations ($driver)", ({ open }) => {
  it("drop an index of three columns that an earlier migration made under other names", async () => {
    const abc = { properties: { a: text, b: text, c: text } };
    const first: Migration = { version: 1, steps: [{ addIndex: ["a", "b", "c"] }] };
    const second: Migration = { version: 2, steps: [{ renameColumn: "a", to: "d" }] };
    const third: Migration = { version: 3, steps: [{ dropColumn: "d" }] };
    const db = openedBy(open);
    await tableOf(db, abc).setupDatabase();
    const dbc = { properties: { d: text, b: text, c: text } };
    await tableOf(db, { ...dbc, migrations: [first, second] }).setupDatabase();
    const table = tableOf(db, {
      properties: { b: text, c: text },
      migrations: [first, second, third],
    });
    db.exec(table.schemaSql({ fromVersion: 2 }));
    await table.setupDatabase();
    expect(db.prepare(`SELECT * FROM pragma_table_info('notes')`).all()).toHaveLength(3);
  });

  it("leave a version with a transform, and those after it, to setupDatabase()", async () => {
    const migrations: readonly Migration[] = [
      { version: 1, steps: [{ addColumn: "n", default: 1 }] },
      {
        version: 2,
        steps: [
          { addColumn: "length" },
          { transform: (row) => ({ ...row, length: String(row.t).length }) },
        ],
      },
      { version: 3, steps: [{ dropColumn: "t" }] },
    ];
    const db = openedBy(open);
    await tableOf(db, { ...t, indexes: ["t"] }).setupDatabase();
    await tableOf(db, t).put({ id: "a", t: "hello" });
    const table = tableOf(db, {
      properties: { n: integer, length: integer },
      required: ["n", "length"],
      migrations,
    });
    const versions = (): unknown[] =>
      db.prepare(`SELECT "version" FROM "_workglow_migrations" ORDER BY 1`).all();
    const sql = table.schemaSql({ fromVersion: 0 });
    db.exec(sql);
    expect(versions()).toMatchObject([{ version: 1 }]);
    expect(sql).toMatch(/^-- version 2 rewrites rows by a function.*setupDatabase\(\)/m);
    expect(sql).toMatch(/^-- version 3 comes after.*setupDatabase\(\)/m);
    expect(table.schemaSql({ fromVersion: 1 })).toMatch(/^(?:--.*\n|\n)+$/);
    await table.setupDatabase();
    expect(versions()).toMatchObject([{ version: 1 }, { version: 2 }, { version: 3 }]);
    expect(await table.getAll()).toEqual([{ id: "a", n: 1, length: 5 }]);
  });
});

describe.each(drivers)("criteria of many parts ($driver)", ({ open }) => {
  const shape: Shape = { ...tn, indexes: ["n"] };
  const rows = Array.from({ length: 40 }, (_, i) => ({ id: `k${i}`, n: i * 300, t: `t${i}` }));
  const parts = (count: number): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, i) => (i % 2 === 0 ? { n: i } : { t: `t${i}` }));

  it("find what they find in memory", async () => {
    const table = tableOf(openedBy(open), shape);
    const memory = new InMemoryTabularStorage(schemaOf(shape), ["id"], ["n"]) as unknown as Rows;
    const criteria = or(...parts(5_000));
    const conditions = {
      n: Array.from({ length: 2_000 }, (_, i) => ({ operator: "!=", value: i })),
    };
    for (const storage of [table, memory]) {
      await storage.setupDatabase();
      await storage.putBulk(rows);
    }
    for (const asked of [criteria, not(criteria), conditions, not(conditions)]) {
      const found = await table.query(asked as never, {
        orderBy: [{ column: "id", direction: "ASC" }],
      });
      const expected = await memory.query(asked as never, {
        orderBy: [{ column: "id", direction: "ASC" }],
      });
      expect(found?.length).toBeGreaterThan(0);
      expect(found).toEqual(expected);
      expect(await table.count(asked as never)).toBe(expected?.length);
    }
  });

  it("are refused, with nothing changed, where there are too many", async () => {
    const table = tableOf(openedBy(open), shape);
    await table.setupDatabase();
    await table.putBulk(rows);
    const criteria = or(...parts(32_767)) as never;
    const calls: readonly (() => Promise<unknown>)[] = [
      () => table.query(criteria),
      () => table.count(criteria),
      () => table.deleteSearch(criteria),
    ];
    for (const call of calls) {
      const error = await Promise.resolve()
        .then(call)
        .then(
          () => expect.fail("the call succeeded"),
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(StorageValidationError);
      expect(error).toMatchObject({ kind: "invalid" });
      expect((error as Error).message).toContain("32766 parameters");
    }
    expect(await table.size()).toBe(rows.length);
  });
});
