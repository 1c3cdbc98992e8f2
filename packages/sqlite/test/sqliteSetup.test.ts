import { SqliteTabularStorage } from "@workglow/sqlite";
import type { Migration, TabularStorageOptions } from "@workglow/storage";
import { StorageSchemaMismatchError, StorageValidationError } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, spiedHandle, type TestHandle } from "./drivers.ts";

type Properties = DataPortSchemaObject["properties"];
type Rows = SqliteTabularStorage<
  DataPortSchemaObject,
  readonly string[],
  Record<string, unknown>,
  { id: string },
  Record<string, unknown>
>;

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;

interface Shape {
  readonly properties: Properties;
  readonly required?: readonly string[];
  readonly indexes?: readonly (string | readonly string[])[];
  readonly options?: TabularStorageOptions;
}

function tableOf(
  db: TestHandle,
  { properties, required = [], indexes = [], options }: Shape,
): Rows {
  const schema = {
    type: "object",
    properties: { id: text, ...properties },
    required: ["id", ...required],
  };
  return new SqliteTabularStorage(
    db,
    "notes",
    schema as DataPortSchemaObject,
    ["id"],
    indexes,
    options,
  ) as never;
}

async function mismatchOf(setup: Promise<unknown>): Promise<readonly string[]> {
  const error = await setup.then(
    () => expect.fail("the set-up succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StorageSchemaMismatchError);
  expect((error as Error).message).toContain("migration");
  return (error as StorageSchemaMismatchError).differences;
}

describe("set-up", () => {
  it("only reads where nothing is missing", async () => {
    const { handle, ran } = spiedHandle();
    const shape = {
      properties: { n: integer },
      indexes: ["n"],
      options: { uniqueIndexes: [["n", "id"]] },
    };
    await tableOf(handle, shape).setupDatabase();
    ran.length = 0;
    await tableOf(handle, shape).setupDatabase();
    expect(ran.filter((statement) => !/^(?:SELECT|BEGIN|COMMIT)/.test(statement))).toEqual([]);
    expect(ran).not.toContain("BEGIN IMMEDIATE");
  });

  describe.each(drivers)("on $driver", ({ open }) => {
    it("adds new optional columns and indexes, and keeps the rows", async () => {
      const db = openedBy(open);
      const first = tableOf(db, { properties: { n: integer } });
      await first.setupDatabase();
      await first.put({ id: "a", n: 1 });
      const second = tableOf(db, {
        properties: { n: integer, note: text, tag: { type: ["string", "null"] } },
        required: ["tag"],
        indexes: ["n", ["note", "n"]],
        options: { uniqueIndexes: ["note"] },
      });
      await second.setupDatabase();
      expect(await second.getAll()).toEqual([{ id: "a", n: 1, tag: null }]);
      await second.put({ id: "b", n: 2, note: "x", tag: "y" });
      await expect(second.insert({ id: "c", note: "x", tag: null })).rejects.toMatchObject({
        code: "CONFLICT",
      });
    });

    it("lists every other difference, and changes nothing", async () => {
      const db = openedBy(open);
      await tableOf(db, {
        properties: { n: integer, gone: text, at: text, kept: text, list: { type: "array" } },
        required: ["kept"],
        options: { uniqueIndexes: ["at"] },
      }).setupDatabase();
      const before = db.prepare("SELECT sql FROM sqlite_schema ORDER BY name").all();
      const setup = tableOf(db, {
        properties: {
          n: text,
          at: { type: "string", format: "date-time" },
          kept: text,
          list: { type: "array", format: "TypedArray:Float32Array" },
          fresh: text,
          optional: text,
        },
        required: ["fresh"],
      }).setupDatabase();
      const differences = await mismatchOf(setup);
      expect([...differences].sort()).toEqual([
        'column "at" is TEXT, not TEXT DATETIME',
        'column "fresh" is required but missing',
        'column "gone" is not in the schema',
        'column "kept" does not take null, as the schema does',
        'column "list" is TEXT JSON, not BLOB FLOAT32ARRAY',
        'column "n" is INTEGER, not TEXT',
        'the unique index on "at" is not in the schema',
      ]);
      expect(db.prepare("SELECT sql FROM sqlite_schema ORDER BY name").all()).toEqual(before);
    });

    it("reports another key, and tenants where there were none", async () => {
      const db = openedBy(open);
      await tableOf(db, { properties: { n: integer }, required: ["n"] }).setupDatabase();
      const options = {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: "a" },
      } as const;
      expect(
        await mismatchOf(
          tableOf(db, { properties: { n: integer }, required: ["n"], options }).setupDatabase(),
        ),
      ).toEqual([
        'column "tenant" is required but missing',
        'the primary key is "id", not "tenant", "id"',
      ]);
    });

    it("takes tables that teams have made themselves", async () => {
      const db = openedBy(open);
      db.exec(
        "CREATE TABLE notes (n BIGINT, id VARCHAR(20) PRIMARY KEY NOT NULL, score DOUBLE PRECISION); CREATE INDEX mine ON notes (score)",
      );
      const notes = tableOf(db, { properties: { n: integer, score: { type: "number" } } });
      await notes.setupDatabase();
      await notes.put({ id: "a", n: 1, score: 0.5 });
      expect(await notes.get({ id: "a" })).toEqual({ id: "a", n: 1, score: 0.5 });
    });

    it("is what schemaSql() prints, which may run before or after it", async () => {
      const shape = {
        properties: { n: integer, body: text },
        indexes: ["n"],
        options: {
          uniqueIndexes: ["body"],
          migrations: [{ version: 3, steps: [{ addColumn: "body" }] }],
          prefixes: [{ name: "tenant", type: "uuid" }],
          prefixValues: { tenant: "a" },
        },
      } as const satisfies Shape;
      const schemaOf = (db: TestHandle) =>
        db
          .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
          .all()
          .map(({ name, sql }) => [name, String(sql).replace("IF NOT EXISTS ", "")]);
      const [byHand, bySetup] = [openedBy(open), openedBy(open)];
      byHand.exec(tableOf(byHand, shape).schemaSql());
      await tableOf(bySetup, shape).setupDatabase();
      expect(schemaOf(byHand)).toEqual(schemaOf(bySetup));
      await tableOf(byHand, shape).setupDatabase();
      byHand.exec(tableOf(byHand, shape).schemaSql());
      bySetup.exec(tableOf(bySetup, shape).schemaSql());
      expect(schemaOf(byHand)).toEqual(schemaOf(bySetup));
      const versions = "SELECT version FROM _workglow_migrations";
      expect(byHand.prepare(versions).all()).toEqual(bySetup.prepare(versions).all());
    });

    it("goes on counting generated keys in tables that were made by hand, or copied", async () => {
      const db = openedBy(open);
      const schema = {
        type: "object",
        properties: { id: { type: "integer", "x-auto-generated": true }, name: text },
        required: ["id", "name"],
        additionalProperties: false,
      } as const;
      const items = () => new SqliteTabularStorage(db, "items", schema, ["id"] as const);
      db.exec(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO items VALUES (41, 'old')",
      );
      await items().setupDatabase();
      expect(await items().put({ name: "new" })).toEqual({ id: 42, name: "new" });
      // Rows that were written past the library do not stop it.
      db.exec("INSERT INTO items VALUES (43, 'foreign'), (44, 'foreign')");
      expect(await items().putBulk([{ name: "b" }, { name: "c" }])).toEqual([
        { id: 45, name: "b" },
        { id: 46, name: "c" },
      ]);
      db.exec("DELETE FROM _workglow_counters");
      expect(await items().insert({ name: "d" })).toEqual({ id: 47, name: "d" });
    });
  });
});

describe.each(drivers)("migrations on $driver", ({ open }) => {
  const old: Shape = {
    properties: { n: integer, title: text, extra: { type: "array" } },
    indexes: ["n", "title"],
  };
  const migrations: readonly Migration[] = [
    {
      version: 2,
      steps: [
        { renameColumn: "title", to: "name" },
        { addColumn: "slug" },
        {
          transform: (row) => ({
            ...row,
            slug: `${String(row.name).toLowerCase()}-${(row.extra as unknown[]).length}`,
          }),
        },
      ],
    },
    {
      version: 3,
      steps: [
        { dropIndex: ["n"] },
        { dropColumn: "n" },
        { dropColumn: "extra" },
        { addColumn: "count", default: 7 },
        { addIndex: ["slug"], unique: true },
      ],
    },
  ];
  const fresh: Shape = {
    properties: { name: text, slug: text, count: integer },
    required: ["slug", "count"],
    indexes: ["name"],
    options: { migrations, uniqueIndexes: ["slug"] },
  };

  async function oldTable(rows: number): Promise<TestHandle> {
    const db = openedBy(open);
    const table = tableOf(db, old);
    await table.setupDatabase();
    await table.putBulk(
      Array.from({ length: rows }, (_, i) => ({
        id: `k${i}`,
        n: i,
        title: `T${i}`,
        extra: [i, i],
      })),
    );
    return db;
  }

  it("bring an old table to the schema, once, row by row", async () => {
    const db = await oldTable(1203);
    const table = tableOf(db, fresh);
    await table.setupDatabase();
    expect(await table.size()).toBe(1203);
    expect(await table.get({ id: "k1202" })).toEqual({
      id: "k1202",
      name: "T1202",
      slug: "t1202-2",
      count: 7,
    });
    await table.put({ id: "new", slug: "s", count: 1 });
    await tableOf(db, fresh).setupDatabase();
    expect(await table.get({ id: "new" })).toEqual({ id: "new", slug: "s", count: 1 });
    expect(db.prepare("SELECT version FROM _workglow_migrations ORDER BY version").all()).toEqual([
      { version: 2 },
      { version: 3 },
    ]);
  });

  it("rewrite the rows of all tenants", async () => {
    const db = openedBy(open);
    const tenant = (value: string, options: TabularStorageOptions = {}): TabularStorageOptions => ({
      ...options,
      prefixes: [{ name: "tenant", type: "uuid" }],
      prefixValues: { tenant: value },
    });
    for (const value of ["a", "b"]) {
      const table = tableOf(db, { properties: { n: integer }, options: tenant(value) });
      await table.setupDatabase();
      await table.put({ id: "x", n: 1 });
    }
    const doubling: readonly Migration[] = [
      { version: 1, steps: [{ transform: (row) => ({ ...row, n: (row.n as number) * 2 }) }] },
    ];
    const shape = (value: string) => ({
      properties: { n: integer },
      options: tenant(value, { migrations: doubling }),
    });
    await tableOf(db, shape("a")).setupDatabase();
    await tableOf(db, shape("b")).setupDatabase();
    expect(await tableOf(db, shape("b")).get({ id: "x" })).toEqual({ id: "x", n: 2 });
  });

  it("do not run on a table that is made at the newest version", async () => {
    const db = openedBy(open);
    const failing: readonly Migration[] = [
      {
        version: 1,
        steps: [
          { transform: () => expect.fail("there is no row to rewrite") },
          { dropColumn: "absent" },
        ],
      },
    ];
    const table = tableOf(db, { properties: { n: integer }, options: { migrations: failing } });
    await table.setupDatabase();
    await table.put({ id: "a" });
    await table.setupDatabase();
    expect(await table.size()).toBe(1);
  });

  it("undo everything when one step fails", async () => {
    const db = await oldTable(3);
    const broken: readonly Migration[] = [
      ...migrations,
      { version: 4, steps: [{ transform: () => ({ nowhere: 1 }) }] },
    ];
    const setup = tableOf(db, {
      ...fresh,
      options: { ...fresh.options, migrations: broken },
    }).setupDatabase();
    await expect(setup).rejects.toThrow(StorageValidationError);
    expect(await tableOf(db, old).getAll()).toHaveLength(3);
    await tableOf(db, fresh).setupDatabase();
    expect(await tableOf(db, fresh).size()).toBe(3);
  });

  it("refuse a table that is newer than the program", async () => {
    const db = await oldTable(1);
    await tableOf(db, fresh).setupDatabase();
    const older = tableOf(db, {
      ...fresh,
      options: { ...fresh.options, migrations: migrations.slice(0, 1) },
    });
    expect(await mismatchOf(older.setupDatabase())).toEqual([
      "the table is at version 3, and this program knows versions up to 2",
    ]);
  });

  it("print as SQL what a team can run by itself", async () => {
    const steps: readonly Migration[] = [
      {
        version: 1,
        steps: [
          { renameColumn: "title", to: "name" },
          { addColumn: "count", default: 7 },
          { dropColumn: "extra" },
          { addIndex: ["name"] },
        ],
      },
    ];
    const before: Shape = { properties: { title: text, extra: integer } };
    const after: Shape = {
      properties: { name: text, count: integer },
      required: ["count"],
      indexes: ["name"],
      options: { migrations: steps },
    };
    const db = openedBy(open);
    await tableOf(db, before).setupDatabase();
    await tableOf(db, before).put({ id: "a", title: "it's" });
    db.exec(tableOf(db, after).schemaSql({ fromVersion: 0 }));
    await tableOf(db, after).setupDatabase();
    expect(await tableOf(db, after).getAll()).toEqual([{ id: "a", name: "it's", count: 7 }]);
  });

  it("say in the SQL what only a program can do", () => {
    const table = tableOf(openedBy(open), fresh);
    expect(table.schemaSql({ fromVersion: 0 })).toContain(
      "-- version 2 rewrites rows by a function",
    );
    expect(table.schemaSql({ fromVersion: 3 })).toContain("-- nothing to migrate");
  });

  it.each([
    ["a version below 1", [{ version: 0, steps: [] }]],
    [
      "a version twice",
      [
        { version: 1, steps: [] },
        { version: 1, steps: [] },
      ],
    ],
    ["an unknown step", [{ version: 1, steps: [{ explode: true }] }]],
    ["the key's columns", [{ version: 1, steps: [{ dropColumn: "id" }] }]],
  ])("are refused for %s", (_, given) => {
    const shape = { properties: {}, options: { migrations: given as readonly Migration[] } };
    expect(() => tableOf(openedBy(open), shape)).toThrow(StorageValidationError);
  });
});
