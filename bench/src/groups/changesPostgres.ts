import { setTimeout as pause } from "node:timers/promises";
import { PostgresTabularStorage } from "@workglow/postgres";
import pg from "pg";
import { type Contender, concurrently, type Operation } from "../measure.ts";
import { onServer } from "../postgres/onServer.ts";
import { tidy } from "../postgres/tidy.ts";
import { BenchKey, BenchSchema, benchRows } from "../rows.ts";

const SERIAL = 1_000;
const AT_ONCE = 20_000;
const BULK = 10_000;
const BULKS = 5;
const rows = benchRows(BULK);

const NO_TRIGGERS = "without triggers";
const DELIVERY_DEADLINE_MS = 20_000;

const open = (pool: pg.Pool) =>
  new PostgresTabularStorage(pool, "users", BenchSchema, BenchKey, ["age"]);

/** Counts what a subscriber with connections of its own hears. */
async function subscribed(url: string) {
  const pool = new pg.Pool({ connectionString: url });
  const users = open(pool);
  let heard = 0;
  const unsubscribe = users.subscribeToChanges(() => {
    heard += 1;
  });
  await unsubscribe.ready;
  return {
    /** Resolves when `count` changes were heard since the last call. */
    hears: async (count: number): Promise<void> => {
      const deadline = performance.now() + DELIVERY_DEADLINE_MS;
      while (heard < count && performance.now() < deadline) await pause(5);
      if (heard !== count) throw new Error(`${heard} of ${count} changes were delivered`);
      heard = 0;
    },
    close: async () => {
      unsubscribe();
      await users[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

async function contender(
  name: string,
  url: string,
  options: { readonly listening?: boolean; readonly triggers?: boolean } = {},
): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  const users = open(pool);
  await users.setupDatabase();
  if (options.triggers === false) await pool.query("ALTER TABLE users DISABLE TRIGGER USER");
  const subscriber = options.listening === true ? await subscribed(url) : undefined;
  const write = (count: number, run: () => Promise<unknown>): Operation => ({
    prepare: () => tidy(url),
    run: async () => {
      await run();
      return count;
    },
    finish: async () => {
      await subscriber?.hears(count);
    },
  });
  await users.putBulk([...rows]);
  await subscriber?.hears(BULK);
  return {
    name,
    operations: {
      put: write(SERIAL, async () => {
        for (const row of rows.slice(0, SERIAL)) await users.put(row);
      }),
      "put, 32 at once": write(AT_ONCE, () =>
        concurrently(AT_ONCE, 32, (i) => users.put(rows[i % BULK] as (typeof rows)[number])),
      ),
      "putBulk 10k": write(BULKS * BULK, async () => {
        for (let i = 0; i < BULKS; i++) await users.putBulk([...rows]);
      }),
    },
    close: async () => {
      await subscriber?.close();
      await users[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

/** What writes cost beside the same writes to a table whose triggers are switched off. */
export const changesPostgres = onServer({
  name: "Change feed's cost on writes, PostgreSQL",
  goals: [],
  baseline: NO_TRIGGERS,
  open: async (database) => [
    await contender("nobody listens", await database("quiet")),
    await contender("a subscriber", await database("subscribed"), { listening: true }),
    await contender(NO_TRIGGERS, await database("bare"), { triggers: false }),
  ],
});
