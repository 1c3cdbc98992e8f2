import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { PostgresKvStorage, PostgresTabularStorage, withTransaction } from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import { StorageReadOnlyError } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freshDatabase, freshRole } from "../../packages/postgres/test/servers/fresh.ts";
import { servers } from "../../scripts/lib/postgres/testServers.ts";

const page = readFileSync(resolve(import.meta.dirname, "../postgres.md"), "utf8");

const OrderSchema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    customer: { type: "string" },
    cents: { type: "integer" },
  },
  required: ["id", "customer", "cents"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
const OrderKey = ["id"] as const;
const options = { schema: "shop" };

/** The text of the first block of SQL below a heading. */
function sqlBelow(heading: string): string {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`));
  return /^```sql\n(?<sql>[\s\S]*?)^```$/mu.exec(section)?.groups?.sql ?? "";
}

async function eventually(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 10_000 }).toBe(true);
}

describe.each(servers().all)("what the page on PostgreSQL says holds on $title:", ({ url }) => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let owner: pg.Pool;
  const opened: AsyncDisposable[] = [];

  beforeEach(async () => {
    database = await freshDatabase(url);
    owner = new pg.Pool({ connectionString: database.url });
  });
  afterEach(async () => {
    for (const storage of opened.splice(0).reverse()) await storage[Symbol.asyncDispose]();
    await owner.end();
    await database.drop();
  });

  function note<Storage extends AsyncDisposable>(storage: Storage): Storage {
    opened.push(storage);
    return storage;
  }

  const storagesOn = (pool: pg.Pool) => ({
    orders: note(new PostgresTabularStorage(pool, "orders", OrderSchema, OrderKey, [], options)),
    state: note(new PostgresKvStorage(pool, "state", undefined, undefined, options)),
    mails: note(new PostgresQueueStorage<string, string>(pool, "mails", options)),
    limiter: note(new PostgresRateLimiterStorage(pool, options)),
  });

  test("the grants are enough for every kind, subscriptions included", async () => {
    const made = storagesOn(owner);
    for (const storage of Object.values(made)) await storage.setupDatabase();
    await using role = await freshRole(database.url);
    await owner.query(sqlBelow("Least privilege").replaceAll(/\bapp\b/gu, role.name));
    const pool = new pg.Pool({ connectionString: role.url });
    const { orders, state, mails, limiter } = storagesOn(pool);
    for (const storage of [orders, state, mails, limiter]) await storage.setupDatabase();

    const heard: string[] = [];
    const stopOrders = orders.subscribeToChanges(({ type }) => void heard.push(`order ${type}`));
    const stopMails = mails.subscribeToChanges(({ type }) => void heard.push(`mail ${type}`));
    await Promise.all([stopOrders.ready, stopMails.ready]);

    await orders.putBulk([
      { customer: "ann", cents: 1 },
      { customer: "bob", cents: 2 },
    ]);
    await orders.put({ id: 40, customer: "cid", cents: 3 });
    await orders.update({ id: 40 }, { cents: 4 });
    await orders.deleteSearch({ customer: "ann" });
    await orders.deleteAll();
    await state.put("a", 1);
    await state.deleteAll();
    await withTransaction(
      pool,
      (tx) => mails.with(tx).add({ input: "hello", run_after: null, completed_at: null }),
      options,
    );
    const job = await mails.next("worker");
    if (job === undefined) throw new Error("no job");
    await mails.complete({ ...job, status: "COMPLETED", output: "done" });
    expect(await mails.outputForInput("hello")).toBe("done");
    await mails.deleteAll();
    expect(await limiter.tryReserveExecution("api", 1, 60_000)).not.toBeNull();
    expect(await limiter.tryReserveExecution("api", 1, 60_000)).toBeNull();
    await eventually(() => heard.includes("mail DELETE") && heard.includes("order DELETE"));
    stopOrders();
    stopMails();
    for (const storage of [orders, state, mails, limiter]) await storage[Symbol.asyncDispose]();
    await pool.end();
  }, 60_000);

  test("without a grant a call is a StorageError of the code PERMISSION", async () => {
    for (const storage of Object.values(storagesOn(owner))) await storage.setupDatabase();
    await using role = await freshRole(database.url);
    await owner.query(`GRANT USAGE ON SCHEMA shop TO ${role.name}`);
    await owner.query(`GRANT SELECT ON shop.state TO ${role.name}`);
    const pool = new pg.Pool({ connectionString: role.url });
    const { state, mails } = storagesOn(pool);
    expect(await state.size()).toBe(0);
    await expect(state.put("a", 1)).rejects.toMatchObject({ kind: "fatal", code: "PERMISSION" });
    await expect(mails.size()).rejects.toMatchObject({ kind: "fatal", code: "PERMISSION" });
    await pool.end();
  });

  test("a table may be partitioned by its tenants", async () => {
    const tenant = (customer: string) =>
      note(
        new PostgresTabularStorage(owner, "visits", OrderSchema, OrderKey, ["cents"], {
          prefixes: [{ name: "shop_name", type: "uuid" }],
          prefixValues: { shop_name: customer },
          uniqueIndexes: ["customer"],
        }),
      );
    const north = tenant("north");
    const south = tenant("south");
    const printed = north.schemaSql();
    const [create = "", ...rest] = printed.split(";\n");
    await owner.query(`${create} PARTITION BY HASH ("shop_name")`);
    for (const remainder of [0, 1]) {
      await owner.query(
        `CREATE TABLE "visits ${remainder}" PARTITION OF "visits" FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`,
      );
    }
    await owner.query(rest.join(";\n"));
    await north.setupDatabase();
    await south.setupDatabase();

    const heard: unknown[] = [];
    const stop = north.subscribeToChanges(({ type, new: row }) => void heard.push(type, row?.id));
    await stop.ready;
    const rows = Array.from({ length: 50 }, (_, n) => ({ customer: `c${n}`, cents: n }));
    expect(await north.putBulk(rows)).toHaveLength(50);
    await south.put({ customer: "c1", cents: 1 });
    await expect(north.insert({ customer: "c1", cents: 2 })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect((await north.put({ id: 1, customer: "c0", cents: 99 })).cents).toBe(99);
    expect(await south.size()).toBe(1);
    expect((await north.getPage({ limit: 20 })).items).toHaveLength(20);
    await eventually(() => heard.length >= 102);
    expect(heard.slice(-2)).toEqual(["UPDATE", 1]);
    stop();
  }, 60_000);

  test("with row-level security a session has the rows of its setting's tenant alone", async () => {
    const visitsOn = (pool: pg.Pool, shop: string) =>
      note(
        new PostgresTabularStorage(pool, "visits", OrderSchema, OrderKey, [], {
          prefixes: [{ name: "shop_name", type: "uuid" }],
          prefixValues: { shop_name: shop },
          rowLevelSecurity: true,
        }),
      );
    const everything = visitsOn(owner, "north");
    await everything.setupDatabase();
    await visitsOn(owner, "south").put({ customer: "bob", cents: 2 });
    await using role = await freshRole(database.url);
    await owner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON visits TO ${role.name}`);
    await owner.query(`GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO ${role.name}`);
    const options = "-c workglow.shop_name=north";
    const north = new pg.Pool({ connectionString: role.url, options });
    const nobody = new pg.Pool({ connectionString: role.url });

    await visitsOn(north, "north").put({ customer: "ann", cents: 1 });
    const { rows } = await north.query("SELECT customer FROM visits");
    expect(rows).toEqual([{ customer: "ann" }]);
    expect(await visitsOn(north, "south").size()).toBe(0);
    await expect(visitsOn(north, "south").put({ customer: "eve", cents: 0 })).rejects.toMatchObject(
      {
        code: "PERMISSION",
      },
    );
    expect(await visitsOn(nobody, "north").size()).toBe(0);
    await north.end();
    await nobody.end();
  });

  test("a database that takes no writes can be read", async () => {
    const { orders } = storagesOn(owner);
    await orders.setupDatabase();
    await orders.put({ customer: "ann", cents: 1 });
    const pool = new pg.Pool({
      connectionString: database.url,
      options: "-c default_transaction_read_only=on",
    });
    const reading = storagesOn(pool).orders;
    expect(await reading.query({ customer: "ann" })).toHaveLength(1);
    expect((await reading.getPage()).items).toHaveLength(1);
    await expect(reading.put({ customer: "bob", cents: 1 })).rejects.toBeInstanceOf(
      StorageReadOnlyError,
    );
    await pool.end();
  });

  test("TRUNCATE is heard as a RESYNC, and what psql writes as what it is", async () => {
    const { orders } = storagesOn(owner);
    await orders.setupDatabase();
    const heard: string[] = [];
    const stop = orders.subscribeToChanges(({ type }) => void heard.push(type));
    await stop.ready;
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query(`INSERT INTO shop.orders VALUES (1, 'ann', 1), (2, 'bob', 2)`);
    await other.query("UPDATE shop.orders SET cents = 5 WHERE id = 1");
    await other.query("TRUNCATE shop.orders");
    await other.end();
    await eventually(() => heard.length >= 4);
    expect(heard).toEqual(["INSERT", "INSERT", "UPDATE", "RESYNC"]);
    stop();
  });
});
