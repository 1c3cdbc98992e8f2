import { PostgresTabularStorage } from "@workglow/postgres";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { freshSchema } from "./servers/fresh.ts";

const PetSchema = {
  type: "object",
  properties: { id: { type: "string" }, name: { type: "string" } },
  required: ["id", "name"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

const OlderPetSchema = {
  ...PetSchema,
  properties: { id: { type: "string" }, called: { type: "string" } },
  required: ["id", "called"],
} as const satisfies DataPortSchemaObject;

const RENAMED = [{ version: 1, steps: [{ renameColumn: "called", to: "name" }] }] as const;

describe.each(servers().all)("the log that comes with a table, on $title", ({ url }) => {
  /** A pool whose connections look for tables in a schema of their own. */
  async function place() {
    const { name, drop } = await freshSchema(url);
    onTestFinished(drop);
    const pool = (): pg.Pool => {
      const made = new pg.Pool({
        connectionString: url,
        max: 4,
        options: `-c search_path=${name}`,
      });
      onTestFinished(() => made.end());
      return made;
    };
    return { schema: name, pool };
  }

  async function hears(table: PostgresTabularStorage<typeof PetSchema, readonly ["id"]>) {
    const heard: unknown[] = [];
    const unsubscribe = table.subscribeToChanges(
      ({ type, new: pet }) => void heard.push([type, pet?.name]),
    );
    await unsubscribe.ready;
    await table.put({ id: "1", name: "Rex" });
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual([["INSERT", "Rex"]]);
    unsubscribe();
    await table[Symbol.asyncDispose]();
  }

  it("is made by what schemaSql() prints, which may run again, whatever the writer's search path", async () => {
    const { pool, schema } = await place();
    const by = pool();
    const table = new PostgresTabularStorage(by, "pets", PetSchema, ["id"] as const);
    for (let n = 0; n < 2; n++) await by.query(table.schemaSql());
    const heard: unknown[] = [];
    const unsubscribe = table.subscribeToChanges((change) => void heard.push(change.type));
    await unsubscribe.ready;
    const stranger = new pg.Client({ connectionString: url });
    await stranger.connect();
    await stranger.query(`INSERT INTO ${schema}.pets VALUES ('2', 'Ida')`);
    await stranger.end();
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(["INSERT"]);
    await by.query(table.schemaSql());
    await table.setupDatabase();
    await by.query(`INSERT INTO pets VALUES ('3', 'Bo')`);
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(["INSERT", "INSERT"]);
    unsubscribe();
    await table[Symbol.asyncDispose]();
  });

  it("is made once by any number that set up at once", async () => {
    const { pool, schema } = await place();
    const pools = Array.from({ length: 8 }, pool);
    const tables = pools.flatMap((of) =>
      ["pets", "more"].map(
        (name) => new PostgresTabularStorage(of, name, PetSchema, ["id"] as const, [], { schema }),
      ),
    );
    await Promise.all(tables.map((table) => table.setupDatabase()));
    await hears(tables[0] as (typeof tables)[0]);
    await hears(tables[1] as (typeof tables)[0]);
  });

  it("is added to a table that was made without it", async () => {
    const { pool } = await place();
    const by = pool();
    await by.query(
      `CREATE TABLE pets (id text COLLATE "C" PRIMARY KEY, name text COLLATE "C" NOT NULL)`,
    );
    const table = new PostgresTabularStorage(by, "pets", PetSchema, ["id"] as const);
    await expect(table.subscribeToChanges(() => {}).ready).rejects.toThrow(/setupDatabase\(\)/);
    await table.setupDatabase();
    await hears(table);
  });

  it.each(["runs", "prints"])("follows a migration that setupDatabase() %s", async (how) => {
    const { pool } = await place();
    const by = pool();
    const older = new PostgresTabularStorage(by, "pets", OlderPetSchema, ["id"] as const);
    await older.setupDatabase();
    const heard: string[] = [];
    const table = new PostgresTabularStorage(by, "pets", PetSchema, ["id"] as const, [], {
      migrations: RENAMED,
    });
    const unsubscribe = older.subscribeToChanges(({ type }) => void heard.push(type));
    await unsubscribe.ready;
    await older.put({ id: "0", called: "Rex" });
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(["INSERT"]);
    unsubscribe();
    await older[Symbol.asyncDispose]();
    if (how === "prints") await by.query(table.schemaSql({ fromVersion: 0 }));
    await table.setupDatabase();
    await hears(table);
  });
});
