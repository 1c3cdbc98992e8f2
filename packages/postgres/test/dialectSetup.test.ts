import type { Migration } from "@workglow/storage";
import type { SqlExecutor } from "@workglow/storage/sql";
import { StorageSchemaMismatchError } from "@workglow/util";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { postgresDialect } from "../src/postgresDialect.ts";
import {
  type DialectPlace,
  DialectStorage,
  dialectPlaces,
  executorOn,
  openShared,
  recorded,
  type Shape,
  type SharedPlace,
} from "./dialectPlaces.ts";
import { freshRole } from "./servers/fresh.ts";

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;
const counted = { type: "integer", "x-auto-generated": true } as const;

const everything: Shape = {
  properties: {
    t: text,
    n: { type: "number" },
    i: integer,
    b: { type: "boolean" },
    at: { type: "string", format: "date-time" },
    bytes: { type: "string", contentEncoding: "blob" },
    array: { type: "array", format: "TypedArray:Float32Array" },
    json: { type: "object" },
  },
  required: ["i"],
  indexes: ["n", ["t", "at"]],
  options: {
    uniqueIndexes: [["i", "b"]],
    prefixes: [{ name: "tenant", type: "uuid" }],
    prefixValues: { tenant: "a" },
  },
};

const described = (executor: SqlExecutor, table = "notes") =>
  executor.atomic(() => executor.dialect.describeTable(table), { mode: "read" });

/** All that tells a table from another: not the names of its indexes, nor the order of columns. */
async function shapeOf(executor: SqlExecutor, table?: string) {
  const found = await described(executor, table);
  const sorted = <T>(list: readonly T[] = []) =>
    [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    columns: sorted(found?.columns),
    indexes: sorted(found?.indexes.map(({ name, ...index }) => index)),
  };
}

describe.each(dialectPlaces)("set-up on $title", ({ open }) => {
  let place: DialectPlace;
  beforeEach(async () => {
    place = await open();
  });
  afterEach(async () => {
    await place[Symbol.asyncDispose]();
  });

  const storageOf = (shape: Shape) => new DialectStorage(place.executor, shape);

  async function mismatchOf(shape: Shape): Promise<readonly string[]> {
    const error = await storageOf(shape)
      .setupDatabase()
      .then(
        () => expect.fail("the set-up succeeded"),
        (thrown: unknown) => thrown,
      );
    expect(error).toBeInstanceOf(StorageSchemaMismatchError);
    return (error as StorageSchemaMismatchError).differences;
  }

  it("finds nothing to do where everything is as it would be made", async () => {
    await storageOf(everything).setupDatabase();
    const before = await described(place.executor);
    expect(before?.indexes.every(({ plain }) => plain)).toBe(true);
    const { executor, ran } = recorded(place.executor);
    await new DialectStorage(executor, everything).setupDatabase();
    expect(ran.length).toBeGreaterThan(0);
    expect(ran.filter(({ text: sql }) => !sql.startsWith("SELECT"))).toEqual([]);
    expect(await described(place.executor)).toEqual(before);
  });

  it("adds optional columns and indexes, and keeps the rows", async () => {
    const first = storageOf({ properties: { n: integer } });
    await first.setupDatabase();
    await first.put({ id: "a", n: 1 });
    const grown = storageOf({
      properties: { n: integer, note: text, at: { type: "string", format: "date-time" } },
      indexes: ["n", ["note", "n"]],
      options: { uniqueIndexes: [["at"]] },
    });
    await grown.setupDatabase();
    expect(await grown.getAll()).toEqual([{ id: "a", n: 1 }]);
    await grown.put({ id: "b", n: 2, note: "x", at: "2024-01-01T00:00:00.000Z" });
    const indexes = (await described(place.executor))?.indexes.map(({ columns }) => columns);
    expect(indexes).toHaveLength(3);
    expect(indexes).toEqual(expect.arrayContaining([["n", "id"], ["note", "n", "id"], ["at"]]));
  });

  it("names what only a migration can change", async () => {
    await storageOf({ properties: { n: integer, old: text } }).setupDatabase();
    expect(await mismatchOf({ properties: { n: text, more: text }, required: ["more"] })).toEqual([
      'column "more" is required but missing',
      'column "n" is bigint, not text COLLATE "C"',
      'column "old" is not in the schema',
    ]);
    await place.rows(`CREATE TABLE ${place.executor.dialect.qualified("users' own")} (
  "id" text COLLATE "und-x-icu" PRIMARY KEY, "n" integer)`);
    expect(await mismatchOf({ table: "users' own", properties: { n: integer } })).toContain(
      'column "id" is text COLLATE "und-x-icu", not text COLLATE "C"',
    );
  });

  describe("by migrations", () => {
    const first: Shape = {
      properties: { name: text, count: integer, gone: { type: "number" }, big: integer },
      indexes: ["gone", ["name", "count"]],
    };
    const migrations: readonly Migration[] = [
      {
        version: 1,
        steps: [
          { addColumn: "active", default: true },
          { addColumn: "since", default: "2020-02-02T02:02:02.020Z" },
          { addColumn: "share" },
          { renameColumn: "name", to: "title" },
          { dropColumn: "gone" },
        ],
      },
      {
        version: 2,
        steps: [
          { addIndex: ["since"] },
          { addIndex: ["share", "title"], unique: true },
          { dropIndex: ["title", "count"] },
          { addColumn: "extra", default: { a: "it's \\ here" } },
        ],
      },
    ];
    const second: Shape = {
      properties: {
        title: text,
        count: integer,
        big: integer,
        active: { type: "boolean" },
        since: { type: "string", format: "date-time" },
        share: { type: "number" },
        extra: { type: "object" },
      },
      required: ["active", "share"],
      indexes: ["since"],
      options: { uniqueIndexes: [["share", "title"]], migrations },
    };
    const migrated = {
      id: "a",
      title: "A",
      count: 1,
      active: true,
      since: "2020-02-02T02:02:02.020Z",
      share: 0,
      extra: { a: "it's \\ here" },
    };

    beforeEach(async () => {
      const storage = storageOf(first);
      await storage.setupDatabase();
      await storage.put({ id: "a", name: "A", count: 1, gone: 1.5 });
      await storageOf({ ...second, table: "fresh" }).setupDatabase();
    });

    it("comes to what a new table is", async () => {
      const storage = storageOf(second);
      await storage.setupDatabase();
      expect(await storage.getAll()).toEqual([migrated]);
      expect(await shapeOf(place.executor)).toEqual(await shapeOf(place.executor, "fresh"));
      await storage.setupDatabase();
    });

    it("comes to the same by what is printed", async () => {
      const storage = storageOf(second);
      await place.script(storage.schemaSql({ fromVersion: 0 }));
      expect(await shapeOf(place.executor)).toEqual(await shapeOf(place.executor, "fresh"));
      await storage.setupDatabase();
      expect(await storage.getAll()).toEqual([migrated]);
      expect(
        await place.rows(
          `SELECT "version" FROM ${place.executor.dialect.qualified(
            "_workglow_migrations",
          )} WHERE "table_name" = 'notes' ORDER BY 1`,
        ),
      ).toEqual([[1], [2]]);
    });

    it("rewrites rows in batches, with what the columns were", async () => {
      const storage = storageOf({
        ...first,
        properties: {
          ...first.properties,
          wide: { type: "integer", format: "int64" },
        },
      });
      await storage.setupDatabase();
      const rows = Array.from({ length: 1201 }, (_, i) => ({
        id: `row ${String(i).padStart(5, "0")}`,
        name: `n${i}`,
        count: i,
        gone: i / 2,
        big: i % 2 ? Number.MAX_SAFE_INTEGER - i : undefined,
        wide: 2n ** 62n + BigInt(i),
      }));
      await storage.deleteAll();
      await storage.putBulk(rows);
      const later: Shape = {
        properties: {
          title: text,
          half: { type: "number" },
          big: { type: "integer" },
          digits: text,
        },
        options: {
          migrations: [
            {
              version: 1,
              steps: [
                { renameColumn: "name", to: "title" },
                { addColumn: "half" },
                { addColumn: "digits" },
                {
                  transform: (row) => ({
                    ...row,
                    half: Number(row.gone) + Number(row.count),
                    title: `${row.title}!`,
                    digits: String(row.wide),
                  }),
                },
                { dropColumn: "gone" },
                { dropColumn: "count" },
                { dropColumn: "wide" },
              ],
            },
          ],
        },
      };
      const grown = storageOf(later);
      await grown.setupDatabase();
      expect(await grown.getAll()).toEqual(
        rows.map(({ id, name, count, gone, big, wide }) => ({
          id,
          title: `${name}!`,
          half: gone + count,
          digits: String(wide),
          ...(big !== undefined && { big }),
        })),
      );
    });
  });

  it("is printed so that what it prints makes the same table, any number of times", async () => {
    const shapes: readonly Shape[] = [everything, { id: counted, properties: { t: text } }];
    for (const shape of shapes) {
      const printed: Shape = {
        ...shape,
        table: "printed",
        options: { ...shape.options, migrations: [{ version: 3, steps: [{ addIndex: ["t"] }] }] },
        indexes: ["t"],
      };
      const storage = storageOf(printed);
      await place.script(storage.schemaSql());
      await place.script(storage.schemaSql());
      const made = await shapeOf(place.executor, "printed");
      await storage.setupDatabase();
      expect(await shapeOf(place.executor, "printed")).toEqual(made);
      await storageOf({ ...printed, table: "made" }).setupDatabase();
      expect(await shapeOf(place.executor, "made")).toEqual(made);
      await place.rows(`DROP TABLE ${place.executor.dialect.qualified("printed")}`);
      await place.rows(`DROP TABLE ${place.executor.dialect.qualified("made")}`);
      await place.rows(`DROP TABLE ${place.executor.dialect.qualified("_workglow_migrations")}`);
    }
  });

  it("makes the schema where it is missing, printed or not, and leaves one that is there", async () => {
    for (const name of ["not yet", `it's a "$setup$"`]) {
      const dialect = postgresDialect({ schema: name });
      const there = async () =>
        (await place.rows("SELECT 1 FROM pg_namespace WHERE nspname = $1", name)).length === 1;
      expect(await there()).toBe(false);
      if (name === "not yet") {
        await place.executor.atomic(() => dialect.beginSetup());
        await place.executor.atomic(() => dialect.beginSetup());
      } else {
        for (const statement of [...dialect.setupSql, ...dialect.setupSql]) {
          await place.rows(statement);
        }
      }
      expect(await there()).toBe(true);
      await place.rows(`DROP SCHEMA ${dialect.qualified("x").slice(0, -4)}`);
    }
  });
});

describe.each(servers().all)("set-up by several connections on $title", ({ url }) => {
  let shared: SharedPlace;
  beforeEach(async () => {
    shared = await openShared(url, 8, 2);
  });
  afterEach(async () => {
    await shared[Symbol.asyncDispose]();
  });
  const first = () => shared.executors[0] as SqlExecutor;

  it("at once makes each table once, whoever comes first", async () => {
    const migrations = [{ version: 1, steps: [{ addIndex: ["t"] }] }];
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        shared.executors.flatMap((executor, at) =>
          [`same ${round}`, `own ${round} ${at}`].map((table) =>
            new DialectStorage(executor, {
              ...everything,
              table,
              id: counted,
              indexes: ["t"],
              options: { migrations },
            }).setupDatabase(),
          ),
        ),
      );
      expect((await described(first(), `same ${round}`))?.indexes).toHaveLength(1);
    }
    // Grows at once as well.
    await Promise.all(
      shared.executors.map((executor) =>
        new DialectStorage(executor, {
          ...everything,
          table: "same 0",
          id: counted,
          properties: { ...everything.properties, more: text },
          indexes: ["t", "more"],
          options: { migrations },
        }).setupDatabase(),
      ),
    );
    expect((await described(first(), "same 0"))?.indexes).toHaveLength(2);
  });

  it("rewrites rows without undoing what others write meanwhile", async () => {
    const shape: Shape = { properties: { n: integer, seen: integer } };
    const before = new DialectStorage(first(), shape);
    await before.setupDatabase();
    const ids = Array.from({ length: 600 }, (_, i) => `row ${i}`);
    await before.putBulk(ids.map((id) => ({ id, n: 0 })));
    const migrating = new DialectStorage(shared.executors[1] as SqlExecutor, {
      ...shape,
      options: {
        migrations: [{ version: 1, steps: [{ transform: (row) => ({ ...row, seen: 1 }) }] }],
      },
    });
    let done = false;
    let increments = 0;
    const incrementing = shared.executors.slice(2).map(async (executor, at) => {
      const storage = new DialectStorage(executor, shape);
      for (let i = at; !done || i < at + 12; i += 6) {
        const id = ids[i % ids.length] as string;
        const { n } = (await storage.get({ id })) as { n: number };
        if (await storage.update({ id }, { n: n + 1 }, { expect: { n } })) increments++;
      }
    });
    await migrating.setupDatabase();
    done = true;
    await Promise.all(incrementing);
    const rows = ((await before.getAll()) ?? []) as { n: number; seen: number }[];
    expect(rows.reduce((sum, { n }) => sum + n, 0)).toBe(increments);
    expect(rows.every(({ seen }) => seen === 1)).toBe(true);
  });

  it("goes by the search path where no schema is given", async () => {
    const shape: Shape = {
      id: counted,
      properties: { t: text },
      indexes: ["t"],
      options: { migrations: [{ version: 1, steps: [{ addIndex: ["t"] }] }] },
    };
    const options = `-c search_path=${shared.schema},public`;
    const pool = new pg.Pool({ connectionString: url, options });
    try {
      const unqualified = executorOn(pool, undefined);
      const storage = new DialectStorage(unqualified, shape);
      await storage.setupDatabase();
      expect(await storage.put({ t: "a" })).toEqual({ id: 1, t: "a" });
      const same = new DialectStorage(first(), shape);
      await same.setupDatabase();
      expect(await same.put({ t: "b" })).toEqual({ id: 2, t: "b" });
      expect(await shapeOf(first())).toEqual(await shapeOf(unqualified));
    } finally {
      await pool.end();
    }
  });

  it("needs no more than to read where all is made, and writing no more than it says", async () => {
    const shape: Shape = { id: counted, properties: { t: text }, indexes: ["t"] };
    await new DialectStorage(first(), shape).setupDatabase();
    await using role = await freshRole(url);
    const grants = [
      `GRANT USAGE ON SCHEMA ${shared.schema} TO ${role.name}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${shared.schema} TO ${role.name}`,
      `GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA ${shared.schema} TO ${role.name}`,
    ];
    for (const grant of grants) await first().execute({ text: grant, params: [] });
    const pool = new pg.Pool({ connectionString: role.url });
    try {
      const storage = new DialectStorage(executorOn(pool, shared.schema), shape);
      await storage.setupDatabase();
      expect(await storage.put({ t: "a" })).toEqual({ id: 1, t: "a" });
      await storage.put({ id: 50_000, t: "b" });
      await storage.put({ id: 50_003, t: "b" });
      expect(await storage.putBulk([{}, {}])).toEqual([{ id: 50_004 }, { id: 50_005 }]);
      await expect(
        new DialectStorage(executorOn(pool, shared.schema), {
          ...shape,
          table: "another",
        }).setupDatabase(),
      ).rejects.toThrow(/role of this connection may not/);
    } finally {
      await pool.end();
    }
  });
});
