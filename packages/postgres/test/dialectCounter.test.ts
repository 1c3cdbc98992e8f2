import type { CountedKey, SqlExecutor } from "@workglow/storage/sql";
import { StorageConflictError, StorageFullError } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import {
  type DialectPlace,
  DialectStorage,
  dialectPlaces,
  openShared,
  recorded,
  type SharedPlace,
} from "./dialectPlaces.ts";

const id = { type: "integer", "x-auto-generated": true } as const;
const text = { type: "string" } as const;

const counted = (executor: SqlExecutor, table = "counted") =>
  new DialectStorage(executor, { table, id, properties: { by: text } });

const keyOf = (executor: SqlExecutor, table = "counted"): CountedKey => ({
  table,
  quotedTable: executor.dialect.qualified(table),
  quotedColumn: '"id"',
});

/** The calls of a counter, each in a transaction of its own. */
function counterOf(executor: SqlExecutor, table?: string) {
  const { keyCounter } = executor.dialect;
  const key = keyOf(executor, table);
  return {
    isSetUp: () => executor.atomic(() => keyCounter.isSetUp(key), { mode: "read" }),
    allocate: (count: number) => executor.atomic(() => keyCounter.allocate(key, count)),
    observe: (value: number) => executor.atomic(() => keyCounter.observe(key, value)),
    recount: () => executor.atomic(() => keyCounter.recount(key)),
  };
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe.each(dialectPlaces)("generated integer keys on $title", ({ open }) => {
  let place: DialectPlace;
  beforeEach(async () => {
    place = await open();
  });
  afterEach(async () => {
    await place[Symbol.asyncDispose]();
  });

  it("count up from 1, in lists too, and beyond every key that was observed", async () => {
    const counter = counterOf(place.executor);
    await place.rows(`CREATE TABLE ${place.executor.dialect.qualified("counted")} ("id" bigint)`);
    expect(await counter.isSetUp()).toBe(false);
    await counted(place.executor)
      .setupDatabase()
      .catch(() => undefined);
    await place.rows(`DROP TABLE ${place.executor.dialect.qualified("counted")}`);
    await counted(place.executor).setupDatabase();
    expect(await counter.isSetUp()).toBe(true);
    expect(await counter.allocate(1)).toEqual([1]);
    expect(await counter.allocate(5000)).toEqual(range(2, 5000));
    await counter.observe(10);
    expect(await counter.allocate(1)).toEqual([5002]);
    await counter.observe(5010);
    expect(await counter.allocate(2)).toEqual([5011, 5012]);
    await counter.observe(1_000_000);
    expect(await counter.allocate(2)).toEqual([1_000_001, 1_000_002]);
    await counter.observe(5);
    expect(await counter.allocate(1)).toEqual([1_000_003]);
  });

  it("begin beyond the rows of a table that was there before", async () => {
    const table = place.executor.dialect.qualified("counted");
    await place.rows(`CREATE TABLE ${table} ("id" bigint PRIMARY KEY, "by" text COLLATE "C")`);
    await place.rows(`INSERT INTO ${table} SELECT generate_series(-5, 41)`);
    const storage = counted(place.executor);
    await storage.setupDatabase();
    expect(await storage.put({})).toEqual({ id: 42 });
    expect(await storage.put({ id: 100 })).toEqual({ id: 100 });
    expect(await storage.putBulk([{}, {}])).toEqual([{ id: 101 }, { id: 102 }]);
  });

  it("pass over rows that were written past the library", async () => {
    const storage = counted(place.executor);
    await storage.setupDatabase();
    await storage.put({});
    const table = place.executor.dialect.qualified("counted");
    await place.rows(`INSERT INTO ${table} ("id") SELECT generate_series(2, 20001)`);
    expect(await storage.put({ by: "the library" })).toEqual({ id: 20_002, by: "the library" });
    expect((await storage.get({ id: 2 }))?.by).toBeUndefined();
  });

  it("are taken by the statement that inserts the row, on the way there and back once", async () => {
    await counted(place.executor).setupDatabase();
    const { executor, ran } = recorded(place.executor);
    const storage = new DialectStorage(executor, {
      table: "counted",
      id,
      properties: { by: text, code: text },
      options: { uniqueIndexes: [["code"]] },
    });
    await storage.setupDatabase();
    ran.length = 0;
    expect(await storage.put({ by: "a" })).toEqual({ id: 1, by: "a" });
    expect(await storage.insert({ code: "x" })).toEqual({ id: 2, code: "x" });
    expect(ran).toHaveLength(2);
    await expect(storage.insert({ code: "x" })).rejects.toBeInstanceOf(StorageConflictError);
    await expect(storage.put({ code: "x" })).rejects.toBeInstanceOf(StorageConflictError);
    expect(await storage.insert({ code: "x" }, { onConflict: "ignore" })).toBeUndefined();
    expect(await storage.insert({ code: "y" }, { onConflict: "ignore" })).toMatchObject({
      code: "y",
    });
  });

  it("are not given again after a deletion or a transaction that was undone", async () => {
    const storage = counted(place.executor);
    await storage.setupDatabase();
    await storage.put({});
    await storage.deleteAll();
    await expect(
      storage.transaction(async (tx) => {
        await tx.put({});
        throw new Error("undo");
      }),
    ).rejects.toThrow("undo");
    const { id: next } = (await storage.put({})) as { id: number };
    expect(next).toBeGreaterThan(1);
  });

  it("end at the largest safe integer with an error that says so", async () => {
    const storage = counted(place.executor);
    await storage.setupDatabase();
    await storage.put({ id: Number.MAX_SAFE_INTEGER - 1 });
    expect(await storage.put({})).toEqual({ id: Number.MAX_SAFE_INTEGER });
    await expect(storage.put({})).rejects.toBeInstanceOf(StorageFullError);
    await expect(storage.put({})).rejects.toThrow(/generated keys/);
  });

  it("are counted by what belongs to the table: it is gone with it, and made once more", async () => {
    const storage = counted(place.executor);
    await storage.setupDatabase();
    await storage.putBulk([{}, {}, {}]);
    await place.rows(`DROP TABLE ${place.executor.dialect.qualified("counted")}`);
    expect(await counterOf(place.executor).isSetUp()).toBe(false);
    const again = counted(place.executor);
    await again.setupDatabase();
    await again.setupDatabase();
    expect(await again.put({})).toEqual({ id: 1 });
  });

  it("are counted for each table by itself, whatever the names", async () => {
    const names = ["a b", "a_b", "A b", "é".repeat(31), `${"é".repeat(30)}e`];
    for (const name of names) {
      const storage = counted(place.executor, name);
      await storage.setupDatabase();
      expect(await storage.put({}), name).toEqual({ id: 1 });
    }
  });
});

describe.each(servers().all)(
  "generated integer keys of several connections on $title",
  (server) => {
    let shared: SharedPlace;
    beforeEach(async () => {
      shared = await openShared(server.url, 4, 4);
      await counted(shared.executors[0] as SqlExecutor).setupDatabase();
    });
    afterEach(async () => {
      await shared[Symbol.asyncDispose]();
    });

    it("are given once, and beyond what was observed before they were asked for", async () => {
      const counters = shared.executors.map((executor) => counterOf(executor));
      const given: number[] = [];
      let observed = 0;
      let leap = 7;
      const allocating = counters.flatMap((counter) =>
        range(0, 3).map(async (worker) => {
          for (let round = 0; round < 40; round++) {
            const before = observed;
            const keys = await counter.allocate(1 + ((round * worker) % 9));
            expect(keys).toEqual([...keys].sort((a, b) => a - b));
            expect(keys[0]).toBeGreaterThan(before);
            given.push(...keys);
          }
        }),
      );
      const observing = counters.map(async (counter) => {
        for (let round = 0; round < 40; round++) {
          // Small steps and leaps, some of them behind the counter by now.
          leap = (leap * 31) % 1009;
          const value = Math.max(...given, 1) + (round % 7 === 0 ? leap * 100 : leap % 20) - 5;
          if (value < 1) continue;
          await counter.observe(value);
          observed = Math.max(observed, value);
        }
      });
      await Promise.all([...allocating, ...observing]);
      expect(new Set(given).size).toBe(given.length);
    });

    it("never meet the keys that clients give, and no row is lost", async () => {
      const storages = shared.executors.map((executor) => counted(executor));
      const put: { id: number; by: string }[] = [];
      await Promise.all(
        storages.flatMap((storage, at) =>
          range(0, 4).map(async (worker) => {
            for (let round = 0; round < 15; round++) {
              const by = `${at} ${worker} ${round}`;
              // A key that is unlike those of the others, and close before what is generated.
              const given = (round * 16 + at * 4 + worker) * 2 + 1;
              const row = (round + worker) % 3 === 0 ? { id: given, by } : { by };
              const stored =
                "id" in row
                  ? await storage.insert(row).catch(() => undefined)
                  : await storage.put(row);
              if (stored !== undefined) put.push(stored as (typeof put)[number]);
            }
          }),
        ),
      );
      const rows = (await storages[0]?.getAll()) ?? [];
      const byKey = (a: { id: number }, b: { id: number }) => a.id - b.id;
      expect(rows).toEqual([...put].sort(byKey));
      expect(rows.length).toBeGreaterThan(160);
    });
  },
);
