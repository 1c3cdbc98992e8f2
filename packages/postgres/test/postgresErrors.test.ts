import { PostgresKvStorage, PostgresTabularStorage } from "@workglow/postgres";
import {
  StorageBusyError,
  StorageClosedError,
  StorageConflictError,
  StorageCorruptError,
  StorageError,
  StorageFullError,
  StorageNotSetUpError,
  StorageReadOnlyError,
  StorageSchemaMismatchError,
  StorageTimeoutError,
  StorageTransactionError,
  StorageValidationError,
} from "@workglow/util";
import { describe, expect, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { classifyPostgresError, mayRunAgain } from "../src/postgresErrors.ts";
import { freshRole, freshSchema } from "./servers/fresh.ts";
import { testClient, testPool } from "./spiedPool.ts";

const { url } = servers().embedded;

const driverError = (code: string | undefined, message = "something of the server's"): Error =>
  Object.assign(new Error(message), code !== undefined && { code, severity: "ERROR" });

describe("every error has its class, kind and code", () => {
  test.each([
    ["23505", StorageConflictError, "invalid", "CONFLICT"],
    ["23P01", StorageConflictError, "invalid", "CONFLICT"],
    ["23503", StorageValidationError, "invalid", "CONSTRAINT"],
    ["23514", StorageValidationError, "invalid", "CONSTRAINT"],
    ["22P02", StorageValidationError, "invalid", "VALUE"],
    ["22003", StorageValidationError, "invalid", "VALUE"],
    ["2200H", StorageFullError, "fatal", "FULL"],
    ["54000", StorageValidationError, "invalid", "TOO_BIG"],
    ["40001", StorageBusyError, "transient", "SERIALIZATION"],
    ["40P01", StorageBusyError, "transient", "DEADLOCK"],
    ["55P03", StorageBusyError, "transient", "BUSY"],
    ["57014", StorageTimeoutError, "transient", "TIMEOUT"],
    ["57P01", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["57P02", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["57P03", StorageBusyError, "transient", "UNAVAILABLE"],
    ["57P05", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["25P03", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["08006", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["08P01", StorageBusyError, "transient", "CONNECTION_LOST"],
    ["53300", StorageBusyError, "transient", "OVERLOADED"],
    ["53200", StorageBusyError, "transient", "OVERLOADED"],
    ["53100", StorageFullError, "fatal", "FULL"],
    ["42P01", StorageNotSetUpError, "fatal", "NOT_SET_UP"],
    ["3F000", StorageNotSetUpError, "fatal", "NOT_SET_UP"],
    ["42703", StorageSchemaMismatchError, "fatal", "SCHEMA_MISMATCH"],
    ["42501", StorageError, "fatal", "PERMISSION"],
    ["28P01", StorageError, "fatal", "PERMISSION"],
    ["28000", StorageError, "fatal", "PERMISSION"],
    ["3D000", StorageError, "fatal", "CANNOT_OPEN"],
    ["25006", StorageReadOnlyError, "fatal", "READ_ONLY"],
    ["25P02", StorageTransactionError, "invalid", "TRANSACTION"],
    ["26000", StorageError, "fatal", "PREPARED"],
    ["XX001", StorageCorruptError, "fatal", "CORRUPT"],
    ["42601", StorageError, "fatal", "POSTGRES"],
    ["ECONNREFUSED", StorageBusyError, "transient", "UNAVAILABLE"],
    ["ECONNRESET", StorageBusyError, "transient", "UNAVAILABLE"],
    ["ENOTFOUND", StorageBusyError, "transient", "UNAVAILABLE"],
  ] as const)("%s", (state, type, kind, code) => {
    const cause = driverError(state);
    const error = classifyPostgresError(cause) as StorageError;
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ kind, code, cause });
    expect(error.message).not.toContain("something of the server's");
  });

  test.each([
    ["timeout exceeded when trying to connect", "transient", "POOL_EXHAUSTED"],
    ["Connection terminated unexpectedly", "transient", "CONNECTION_LOST"],
    ["Connection terminated due to connection timeout", "transient", "CONNECTION_LOST"],
    [
      "Client has encountered a connection error and is not queryable",
      "transient",
      "CONNECTION_LOST",
    ],
    ["Query read timeout", "transient", "TIMEOUT"],
    ["Cannot use a pool after calling end on the pool", "invalid", "CLOSED"],
    ["PGlite is closed", "invalid", "CLOSED"],
    ["something else", "fatal", "DRIVER"],
  ] as const)("the driver's %j", (message, kind, code) => {
    expect(classifyPostgresError(driverError(undefined, message))).toMatchObject({ kind, code });
  });

  test("those that have one already keep it", () => {
    const error = new StorageClosedError("closed");
    expect(classifyPostgresError(error)).toBe(error);
  });

  test("what is thrown in place of an error is one, too", () => {
    for (const thrown of [undefined, null, "text", 7, {}]) {
      expect(classifyPostgresError(thrown)).toMatchObject({ kind: "fatal", code: "DRIVER" });
    }
  });

  test("a transaction runs again after those that it may survive", () => {
    const stale = driverError("0A000", "cached plan must not change result type");
    const again = [driverError("40001"), driverError("40P01"), driverError("26000"), stale];
    expect(again.map(mayRunAgain)).toEqual([true, true, true, true]);
    expect(again.map((error) => mayRunAgain(classifyPostgresError(error)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const not = [driverError("23505"), driverError("57P01"), driverError("0A000"), undefined];
    expect(not.map(mayRunAgain)).toEqual([false, false, false, false]);
  });
});

describe("what users meet", () => {
  const schema = {
    type: "object",
    properties: { id: { type: "string" }, n: { type: "integer" } },
    required: ["id"],
    additionalProperties: false,
  } as const;

  test("no message holds a password or the connection string, wherever it fails", async () => {
    const secret = "hunter2-secret";
    const { port } = new URL(url);
    const places = [
      `postgres://nobody:${secret}@127.0.0.1:${port}/workglow`,
      `postgres://postgres:${secret}@127.0.0.1:${port}/no_such_database`,
      `postgres://postgres:${secret}@127.0.0.1:9/workglow`,
      `postgres://postgres:${secret}@nowhere.invalid:${port}/workglow`,
    ];
    const codes: string[] = [];
    for (const place of places) {
      const settings = new PostgresKvStorage(testPool(place), "settings");
      const calls = [settings.get("a"), settings.put("a", 1), settings.setupDatabase()];
      for (const result of await Promise.allSettled(calls)) {
        const error = (result as PromiseRejectedResult).reason as StorageError;
        expect(error).toBeInstanceOf(StorageError);
        expect(error.storage).toBe("settings");
        expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(secret);
        expect(JSON.stringify(error)).not.toContain(secret);
        codes.push(error.code);
      }
    }
    const each = (code: string) => [code, code, code];
    expect(codes).toEqual([
      ...each("PERMISSION"),
      ...each("CANNOT_OPEN"),
      ...each("UNAVAILABLE"),
      ...each("UNAVAILABLE"),
    ]);
  });

  test("a table that is not there, or was made for another schema, says what to call", async () => {
    await using app = await freshSchema(url);
    const pool = testPool(url);
    const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, [], {
      schema: app.name,
    });
    await expect(rows.get({ id: "a" })).rejects.toMatchObject({
      name: "StorageNotSetUpError",
      message: expect.stringMatching(/^rows\.get: .*setupDatabase\(\).*schemaSql\(\)/),
    });
    await expect(rows.put({ id: "a" })).rejects.toThrow(StorageNotSetUpError);
    await pool.query(`CREATE TABLE ${app.name}.rows (id text COLLATE "C" PRIMARY KEY)`);
    await expect(rows.put({ id: "a", n: 1 })).rejects.toMatchObject({
      name: "StorageSchemaMismatchError",
      message: expect.stringContaining("setupDatabase()"),
    });
    await expect(rows.get({ id: "a" })).rejects.toThrow(StorageSchemaMismatchError);
  });

  test("a full disk is a clear error for each call, and writes go on once there is room", async () => {
    await using app = await freshSchema(url);
    const pool = testPool(url);
    const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, [], {
      schema: app.name,
    });
    await rows.setupDatabase();
    await rows.put({ id: "before" });
    await pool.query(`
      CREATE FUNCTION ${app.name}.no_room() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER no_room BEFORE INSERT ON ${app.name}.rows FOR EACH STATEMENT
        EXECUTE FUNCTION ${app.name}.no_room()`);
    const full = { name: "StorageFullError", kind: "fatal", code: "FULL", storage: "rows" };
    const writes = await Promise.allSettled([
      rows.put({ id: "a" }),
      rows.put({ id: "b" }),
      rows.putBulk([{ id: "c" }, { id: "d" }]),
      rows.insert({ id: "e" }),
      rows.transaction(async (tx) => void (await tx.put({ id: "f" }))),
    ]);
    for (const write of writes) expect(write).toMatchObject({ status: "rejected", reason: full });
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["before"]);
    await pool.query(`DROP TRIGGER no_room ON ${app.name}.rows`);
    await rows.put({ id: "after" });
    expect(await rows.size()).toBe(2);
  });

  test("a database that accepts no writes is read-only, and can be read", async () => {
    await using app = await freshSchema(url);
    await using role = await freshRole(url);
    const admin = await testClient(url);
    await admin.query(`GRANT ALL ON SCHEMA ${app.name} TO ${role.name}`);
    const options = { schema: app.name };
    const writable = new PostgresTabularStorage(
      testPool(role.url),
      "rows",
      schema,
      ["id"] as const,
      [],
      options,
    );
    await writable.setupDatabase();
    await writable.put({ id: "a", n: 1 });
    // As on a replica.
    const pool = testPool(role.url, { options: "-c default_transaction_read_only=on" });
    const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, [], options);
    await rows.setupDatabase();
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 1 });
    expect((await rows.getPage({ limit: 1 })).items).toHaveLength(1);
    expect(await rows.size()).toBe(1);
    const writes = [
      () => rows.put({ id: "b" }),
      () => rows.putBulk([{ id: "b" }, { id: "c" }]),
      () => Promise.all([rows.put({ id: "b" }), rows.put({ id: "c" })]),
      () => rows.insert({ id: "b" }),
      () => rows.update({ id: "a" }, { n: 2 }),
      () => rows.delete({ id: "a" }),
      () => rows.deleteAll(),
      () => rows.transaction(async (tx) => void (await tx.put({ id: "b" }))),
    ];
    for (const write of writes) {
      await expect(write()).rejects.toMatchObject({
        name: "StorageReadOnlyError",
        kind: "fatal",
        storage: "rows",
      });
    }
  });
});
