import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync } from "node:fs";
import { Sqlite, SqliteKvStorage, SqliteTabularStorage, withTransaction } from "@workglow/sqlite";
import { StorageTransactionError, StorageValidationError } from "@workglow/util";
import { afterEach, describe, expect, it } from "vitest";
import { drivers, openedBy, spiedHandle, temporaryPath } from "./drivers.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" } },
  required: ["id"],
  additionalProperties: false,
} as const;

const counted = {
  type: "object",
  properties: { id: { type: "integer", "x-auto-generated": true }, name: { type: "string" } },
  required: ["id", "name"],
  additionalProperties: false,
} as const;

describe("a storage on a path", () => {
  it("opens a connection of its own, and closes it when it is disposed of", async () => {
    const path = temporaryPath();
    {
      await using table = new SqliteTabularStorage(path, "t", schema, ["id"] as const);
      await table.setupDatabase();
      await table.put({ id: "a" });
      expect(existsSync(`${path}-wal`)).toBe(true);
    }
    // The last connection of a file takes the log away with it.
    expect(existsSync(`${path}-wal`)).toBe(false);
    await using again = new SqliteTabularStorage(path, "t", schema, ["id"] as const);
    expect(await again.size()).toBe(1);
    const kv = new SqliteKvStorage(path, "kv");
    await kv.setupDatabase();
    await kv.put("a", 1);
    await kv[Symbol.asyncDispose]();
  });

  it("says what a database without a file can do", () => {
    const table = new SqliteTabularStorage(":memory:", "t", schema, ["id"] as const);
    expect(table.capabilities).toMatchObject({ persistent: false, multiProcess: false });
    const onFile = new SqliteTabularStorage(temporaryPath(), "t", schema, ["id"] as const);
    expect(onFile.capabilities).toMatchObject({ persistent: true, multiProcess: true });
    table.destroy();
    onFile.destroy();
  });

  it("does not keep the file open when its schema is refused", () => {
    const path = temporaryPath();
    expect(() => new SqliteTabularStorage(path, "sqlite_t", schema, ["id"] as const)).toThrow(
      StorageValidationError,
    );
    expect(() => new SqliteTabularStorage(path, "t", schema, [] as never)).toThrow(
      StorageValidationError,
    );
  });
});

describe("a storage on a handle", () => {
  it.each(drivers)("never closes it, on $driver", async ({ open }) => {
    const handle = openedBy(open);
    const table = new SqliteTabularStorage(handle, "t", schema, ["id"] as const);
    await table.setupDatabase();
    await table[Symbol.asyncDispose]();
    expect(handle.prepare("SELECT count(*) AS n FROM t").get()).toEqual({ n: 0 });
  });

  it("commits with others of the same handle, and only with those", async () => {
    const [one, other] = [openedBy(drivers[0]!.open), openedBy(drivers[0]!.open)];
    const table = new SqliteTabularStorage(one, "t", schema, ["id"] as const);
    const kv = new SqliteKvStorage(one, "kv");
    const stranger = new SqliteTabularStorage(other, "t", schema, ["id"] as const);
    for (const storage of [table, kv, stranger]) await storage.setupDatabase();
    const failed = withTransaction(one, async (tx) => {
      await table.with(tx).put({ id: "a" });
      await kv.with(tx).put("a", 1);
      expect(() => stranger.with(tx)).toThrow(StorageTransactionError);
      await stranger.put({ id: "elsewhere" });
      throw new Error("back");
    });
    await expect(failed).rejects.toThrow("back");
    expect([await table.size(), await kv.size(), await stranger.size()]).toEqual([0, 0, 1]);
  });

  it("calls listeners in the context of the call, not of whoever else writes in the same tick", async () => {
    const context = new AsyncLocalStorage<string>();
    const table = new SqliteTabularStorage(openedBy(drivers[0]!.open), "t", schema, [
      "id",
    ] as const);
    await table.setupDatabase();
    const heard: [string, string | undefined][] = [];
    table.on("put", ({ id }) => heard.push([id, context.getStore()]));
    table.on("delete", ({ id }) => heard.push([id, context.getStore()]));
    await Promise.all(["x", "y"].map((name) => context.run(name, () => table.put({ id: name }))));
    await Promise.all(
      ["x", "y"].map((name) => context.run(name, () => table.delete({ id: name }))),
    );
    expect(heard).toEqual([
      ["x", "x"],
      ["y", "y"],
      ["x", "x"],
      ["y", "y"],
    ]);
  });
});

describe("writes", () => {
  it("of one row are one statement, concurrent ones few", async () => {
    const { handle, ran } = spiedHandle();
    const table = new SqliteTabularStorage(handle, "t", schema, ["id"] as const);
    await table.setupDatabase();
    ran.length = 0;
    await table.put({ id: "a", n: 1 });
    expect(ran).toHaveLength(1);
    ran.length = 0;
    await Promise.all(Array.from({ length: 32 }, (_, i) => table.put({ id: `k${i}`, n: i })));
    // A transaction around eight statements of four rows.
    expect(ran).toHaveLength(10);
    ran.length = 0;
    await table.get({ id: "a" });
    expect(ran).toHaveLength(1);
  });

  it("with a given key below the counter do not touch the counter", async () => {
    const { handle, ran } = spiedHandle();
    const table = new SqliteTabularStorage(handle, "t", counted, ["id"] as const);
    await table.setupDatabase();
    await table.put({ id: 100, name: "moves the counter" });
    ran.length = 0;
    await table.put({ id: 100, name: "known" });
    await table.put({ id: 7, name: "below" });
    expect(ran.filter((text) => text.includes("_workglow_counters"))).toEqual([]);
    expect(await table.put({ name: "next" })).toEqual({ id: 101, name: "next" });
    // What a transaction that was rolled back had observed does not count.
    await table
      .transaction(async (tx) => {
        await tx.put({ id: 500, name: "undone" });
        throw new Error("back");
      })
      .catch(() => undefined);
    await table.put({ id: 300, name: "again" });
    expect(await table.put({ name: "next" })).toEqual({ id: 301, name: "next" });
  });

  it("share the counter among tenants, so that their keys differ", async () => {
    const handle = openedBy(drivers[0]!.open);
    const tenant = (value: string) =>
      new SqliteTabularStorage(handle, "t", counted, ["id"] as const, [], {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: value },
      });
    const [a, b] = [tenant("a"), tenant("b")];
    await a.setupDatabase();
    const ids = [
      await a.put({ name: "x" }),
      await b.put({ name: "x" }),
      await b.put({ id: 9, name: "x" }),
      await a.put({ name: "x" }),
    ];
    expect(ids.map(({ id }) => id)).toEqual([1, 2, 9, 10]);
  });

  it("keep the sizes of index entries by patches too", async () => {
    const handle = openedBy(drivers[0]!.open);
    const names = {
      type: "object",
      properties: { id: { type: "string" }, a: { type: "string" }, b: { type: "string" } },
      required: ["id"],
    } as const;
    const table = new SqliteTabularStorage(handle, "t", names, ["id"] as const, [["a", "b"]]);
    await table.setupDatabase();
    await table.put({ id: "x", a: "a".repeat(1500) });
    await expect(table.update({ id: "x" }, { b: "b".repeat(600) })).rejects.toThrow(
      StorageValidationError,
    );
    expect(await table.get({ id: "x" })).toEqual({ id: "x", a: "a".repeat(1500) });
  });
});

describe("columns whose names differ in case only", () => {
  it("are kept apart", async () => {
    const table = new SqliteTabularStorage(
      openedBy(drivers[0]!.open),
      "t",
      {
        type: "object",
        properties: { id: { type: "string" }, ID: { type: "integer" }, Id: { type: "boolean" } },
        required: ["id"],
      } as const,
      ["id"] as const,
      ["ID", "Id"],
    );
    await table.setupDatabase();
    await table.setupDatabase();
    await table.put({ id: "a", ID: 1, Id: true });
    await table.put({ id: "b", ID: 2 });
    expect(await table.query({ ID: 1 })).toEqual([{ id: "a", ID: 1, Id: true }]);
    expect(await table.query({ Id: null }, { select: ["ID"] })).toEqual([{ ID: 2 }]);
  });
});

describe("Sqlite", () => {
  afterEach(() => Sqlite.init());

  it.each(["better-sqlite3", "node:sqlite"] as const)("opens files with %s", async (driver) => {
    await Sqlite.init({ driver });
    const db = new Sqlite.Database(temporaryPath());
    db.exec("CREATE TABLE t (id)");
    const value = (text: string) =>
      Object.values((db.prepare(text) as unknown as { get(): Record<string, unknown> }).get())[0];
    expect(value("PRAGMA journal_mode")).toBe("wal");
    expect(value("PRAGMA synchronous")).toBe(1);
    expect(value("PRAGMA foreign_keys")).toBe(1);
    db.close();
  });

  it("tells which drivers there are, and what cannot be opened", async () => {
    await expect(Sqlite.init({ driver: "mysql" as never })).rejects.toThrow(StorageValidationError);
    await expect(Sqlite.init({ driver: "bun:sqlite" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
    expect(() => new Sqlite.Database("")).toThrow(StorageValidationError);
    expect(() => new Sqlite.Database("/nowhere/at/all.db")).toThrow(
      expect.objectContaining({ kind: "fatal" }) as Error,
    );
  });
});
