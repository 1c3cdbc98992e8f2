import { writeFileSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { SqliteTabularStorage, withTransaction } from "@workglow/sqlite";
import {
  StorageClosedError,
  StorageConflictError,
  StorageCorruptError,
  StorageError,
  StorageFullError,
  StorageNotSetUpError,
  StorageReadOnlyError,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import BetterSqlite3 from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, type TestHandle, temporaryPath } from "./drivers.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, email: { type: "string" }, body: { type: "string" } },
  required: ["id"],
  additionalProperties: false,
} as const;

const SECRET = "s3cret-value";

const notesOn = (db: TestHandle | string) =>
  new SqliteTabularStorage(db as TestHandle, "notes", schema, ["id"] as const, [], {
    uniqueIndexes: ["email"],
  });

async function failureOf(call: Promise<unknown>): Promise<StorageError> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}

describe.each(drivers)("errors on $driver", ({ open }) => {
  it("names setupDatabase() and schemaSql() where the table is missing", async () => {
    const notes = notesOn(openedBy(open));
    for (const call of [notes.get({ id: "a" }), notes.put({ id: "a" }), notes.size()]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(StorageNotSetUpError);
      expect(error.message).toMatch(/setupDatabase\(\).*schemaSql\(\)/);
      expect(error.storage).toBe("notes");
    }
  });

  it("points to setupDatabase() where the table lacks a column of the schema", async () => {
    const handle = openedBy(open);
    handle.exec("CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY)");
    const error = await failureOf(notesOn(handle).put({ id: "a", body: SECRET }));
    expect(error).toBeInstanceOf(StorageSchemaMismatchError);
    expect((error as StorageSchemaMismatchError).differences.join()).toContain("email");
  });

  it("tells a taken key or unique index, and keeps values and SQL out of the message", async () => {
    const notes = notesOn(openedBy(open));
    await notes.setupDatabase();
    await notes.put({ id: "a", email: SECRET });
    const taken = [notes.insert({ id: "a" }), notes.put({ id: "b", email: SECRET })];
    for (const error of await Promise.all(taken.map(failureOf))) {
      expect(error).toBeInstanceOf(StorageConflictError);
      expect(error).toMatchObject({ kind: "invalid", code: "CONFLICT", storage: "notes" });
      expect(error.message).not.toContain(SECRET);
      expect(error.message).not.toMatch(/UNIQUE|INSERT/);
      expect(error.cause).toBeInstanceOf(Error);
    }
    await notes.put({ id: "b", email: "other" });
    await expect(notes.update({ id: "b" }, { email: SECRET })).rejects.toThrow(
      StorageConflictError,
    );
    await expect(notes.putBulk([{ id: "c" }, { id: "d", email: SECRET }])).rejects.toThrow(
      StorageConflictError,
    );
    expect(await notes.size()).toBe(2);
  });

  it("tells a constraint that a team has added by itself", async () => {
    const handle = openedBy(open);
    handle.exec(
      "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, email TEXT, body TEXT CHECK (length(body) < 5))",
    );
    const error = await failureOf(notesOn(handle).put({ id: "a", body: SECRET }));
    expect(error).toBeInstanceOf(StorageValidationError);
    expect(error.code).toBe("CONSTRAINT");
    expect(error.message).not.toContain(SECRET);
  });

  it("tells a file that is no database", async () => {
    const path = temporaryPath();
    writeFileSync(
      path,
      "This is a text of more than a hundred bytes, which no database begins with. ".repeat(20),
    );
    const notes = notesOn(openedBy(open, path));
    for (const call of [
      () => notes.setupDatabase(),
      () => notes.get({ id: "a" }),
      () => notes.put({ id: "a" }),
    ]) {
      const error = await failureOf(call());
      expect(error).toBeInstanceOf(StorageCorruptError);
      expect(error.kind).toBe("fatal");
    }
  });

  it("tells a damaged file", async () => {
    const path = temporaryPath();
    const first = open(path);
    const notes = notesOn(first);
    await notes.setupDatabase();
    await notes.putBulk(
      Array.from({ length: 2000 }, (_, i) => ({ id: `k${i}`, body: "x".repeat(200) })),
    );
    first.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    first.close();
    await truncate(path, 4096 * 20);
    expect(await failureOf(notesOn(openedBy(open, path)).getAll())).toBeInstanceOf(
      StorageCorruptError,
    );
  });

  it("goes on once a full database has room again", async () => {
    const handle = openedBy(open, temporaryPath());
    const notes = notesOn(handle);
    await notes.setupDatabase();
    await notes.put({ id: "before" });
    const pages = Number(Object.values(handle.prepare("PRAGMA page_count").get() ?? {})[0]);
    handle.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const big = "x".repeat(100_000);
    const [one, two, read] = await Promise.allSettled([
      notes.put({ id: "one" }),
      notes.put({ id: "two", body: big }),
      notes.get({ id: "before" }),
    ]);
    // Whatever shares a transaction with what did not fit has not been stored either.
    for (const result of [one, two]) {
      expect(result?.status).toBe("rejected");
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(StorageFullError);
      expect(reason).toMatchObject({ kind: "fatal", storage: "notes" });
    }
    expect(read).toMatchObject({ status: "fulfilled", value: { id: "before" } });
    expect(
      await failureOf(notes.putBulk([{ id: "three", body: big }, { id: "four" }])),
    ).toBeInstanceOf(StorageFullError);
    const inTransaction = notes.transaction(async (tx) => {
      await tx.put({ id: "five" });
      await tx.put({ id: "six", body: big });
    });
    expect(await failureOf(inTransaction)).toBeInstanceOf(StorageFullError);
    expect(await notes.getAll()).toEqual([{ id: "before" }]);
    handle.exec("PRAGMA max_page_count = 1000000");
    await notes.put({ id: "two", body: big });
    expect(await notes.size()).toBe(2);
  });

  it("tells a closed database", async () => {
    const handle = open(":memory:");
    const notes = notesOn(handle);
    await notes.setupDatabase();
    handle.close();
    for (const call of [
      notes.get({ id: "a" }),
      notes.put({ id: "a" }),
      notes.putBulk([{ id: "a" }, { id: "b" }]),
    ]) {
      expect(await failureOf(call)).toBeInstanceOf(StorageClosedError);
    }
    const transaction = withTransaction(handle, async (tx) => notes.with(tx).put({ id: "a" }));
    expect(await failureOf(transaction)).toBeInstanceOf(StorageClosedError);
  });

  it("refuses databases with UTF-16 text, whose order is another", async () => {
    const handle = openedBy(open);
    handle.exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE other (id)");
    expect(await failureOf(notesOn(handle).setupDatabase())).toMatchObject({ code: "UNSUPPORTED" });
  });

  it.each([null, undefined, 7, {}, "", "a\0b", { prepare() {}, exec: 1, close() {} }])(
    "refuses %j as a database",
    (db) => {
      expect(() => notesOn(db as never)).toThrow(StorageValidationError);
    },
  );
});

describe("read-only databases", () => {
  it("are read, and refuse writes and set-up that is needed", async () => {
    const path = temporaryPath();
    const writer = new BetterSqlite3(path) as unknown as TestHandle;
    const notes = notesOn(writer);
    await notes.setupDatabase();
    await notes.put({ id: "a" });
    writer.close();
    const handle = openedBy(
      (p) => new BetterSqlite3(p, { readonly: true }) as unknown as TestHandle,
      path,
    );
    const readers = notesOn(handle);
    await readers.setupDatabase();
    const [read, written] = await Promise.allSettled([readers.getAll(), readers.put({ id: "b" })]);
    expect(read).toMatchObject({ status: "fulfilled", value: [{ id: "a" }] });
    expect((written as PromiseRejectedResult).reason).toBeInstanceOf(StorageReadOnlyError);
    const both = await Promise.allSettled([
      readers.put({ id: "b" }),
      readers.put({ id: "c" }),
      readers.size(),
    ]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    const other = new SqliteTabularStorage(handle, "other", schema, ["id"] as const);
    expect(await failureOf(other.setupDatabase())).toBeInstanceOf(StorageReadOnlyError);
  });
});
