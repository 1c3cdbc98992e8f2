import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  InMemoryTabularStorage,
  type InMemoryTabularStorageOptions,
  MemoryDatabase,
  type Migration,
  type Row,
  type TabularChangePayload,
} from "../src/index.ts";

const properties = {
  id: { type: "string" },
  name: { type: "string" },
  email: { type: ["string", "null"] },
} as const;
const schema = {
  type: "object",
  properties,
  required: ["id", "name"],
  additionalProperties: false,
} as const;
const unique = { uniqueIndexes: ["email"] };
const people = (options?: InMemoryTabularStorageOptions) =>
  new InMemoryTabularStorage(schema, ["id"] as const, [], options);

describe("unique indexes in memory", () => {
  it("take a value again that a replaced, changed or deleted row had", async () => {
    const table = people(unique);
    await table.put({ id: "a", name: "A", email: "x" });
    await table.put({ id: "a", name: "A", email: "y" });
    await table.put({ id: "b", name: "B", email: "x" });
    await table.update({ id: "b" }, { email: "z" });
    await table.delete({ id: "a" });
    await table.putBulk([
      { id: "c", name: "C", email: "x" },
      { id: "d", name: "D", email: "y" },
    ]);
    await table.deleteAll();
    await table.put({ id: "e", name: "E", email: "z" });
    expect(await table.size()).toBe(1);
  });

  it("leave everything as it was when a row in the middle of a bulk conflicts", async () => {
    const table = people(unique);
    await table.put({ id: "a", name: "A", email: "x" });
    await table.put({ id: "b", name: "B", email: "y" });
    const before = await table.getAll();
    const bulk = [
      { id: "a", name: "changed", email: "new" },
      { id: "c", name: "C", email: "x" },
      { id: "d", name: "D", email: "y" },
    ];
    await expect(table.putBulk(bulk)).rejects.toMatchObject({ name: "StorageConflictError" });
    expect(await table.getAll()).toEqual(before);
    // The index is back as well: what the bulk had taken is free, what it had freed is taken.
    await expect(table.insert({ id: "e", name: "E", email: "x" })).rejects.toThrow("email");
    await table.insert({ id: "e", name: "E", email: "new" });
  });

  it("tell texts apart that look alike when they are joined", async () => {
    const table = new InMemoryTabularStorage(schema, ["id"] as const, [], {
      uniqueIndexes: [["name", "email"]],
    });
    await table.put({ id: "a", name: 'x","y', email: "z" });
    await table.put({ id: "b", name: "x", email: 'y","z' });
    await expect(table.put({ id: "c", name: "x", email: 'y","z' })).rejects.toThrow("email");
  });
});

describe("generated keys in memory", () => {
  const numbered = {
    type: "object",
    properties: { id: { type: "integer", "x-auto-generated": true }, name: { type: "string" } },
    required: ["id", "name"],
    additionalProperties: false,
  } as const;

  it("come first among the columns, as the schema has them", async () => {
    const table = new InMemoryTabularStorage(numbered, ["id"] as const);
    expect(Object.keys(await table.put({ name: "a" }))).toEqual(["id", "name"]);
  });

  it("are not given out again after a rollback, a deletion or a conflict", async () => {
    const table = new InMemoryTabularStorage(numbered, ["id"] as const, [], {
      uniqueIndexes: ["name"],
    });
    await table.put({ name: "a" });
    await table
      .transaction(async (tx) => {
        await tx.put({ name: "b" });
        throw new Error("no");
      })
      .catch(() => undefined);
    await table.put({ name: "a" }).catch(() => undefined);
    const { id } = await table.put({ name: "c" });
    expect(id).toBeGreaterThan(2);
    await table.deleteAll();
    expect((await table.put({ name: "d" })).id).toBeGreaterThan(id);
  });

  it("end with the safe integers", async () => {
    const table = new InMemoryTabularStorage(numbered, ["id"] as const);
    await table.put({ id: Number.MAX_SAFE_INTEGER, name: "last" });
    await expect(table.put({ name: "none" })).rejects.toMatchObject({ name: "StorageFullError" });
    expect(await table.size()).toBe(1);
  });
});

describe("rows in memory", () => {
  it("share nothing with what was given or what is got, in any column", async () => {
    const table = new InMemoryTabularStorage(
      {
        type: "object",
        properties: {
          id: { type: "string" },
          json: {},
          bytes: { type: "string", contentEncoding: "blob" },
          vector: { type: "array", format: "TypedArray:Float32Array" },
        },
        required: ["id"],
      } as const,
      ["id"] as const,
    );
    const make = () => ({
      id: "a",
      json: { deep: [1] },
      bytes: new Uint8Array([1]),
      vector: new Float32Array([1]),
    });
    const spoil = (row: ReturnType<typeof make>) => {
      row.json.deep.push(2);
      row.bytes[0] = 2;
      row.vector[0] = 2;
    };
    const changes: unknown[] = [];
    table.subscribeToChanges(({ new: row }) => {
      changes.push(structuredClone(row));
      spoil(row as never);
    });
    const given = make();
    const put = await table.put(given);
    spoil(given);
    spoil(put as never);
    spoil((await table.get({ id: "a" })) as never);
    for (const row of (await table.getAll()) as never[]) spoil(row);
    for await (const row of table.records()) spoil(row as never);
    spoil((await table.update({ id: "a" }, {})) as never);
    expect(await table.get({ id: "a" })).toEqual(make());
    await delay(0);
    expect(changes).toEqual([make(), make()]);
  });

  it("keep the columns' order of the schema, whatever an update adds", async () => {
    const table = people();
    await table.put({ id: "a", name: "A" });
    const table2 = new InMemoryTabularStorage(
      {
        ...schema,
        properties: { id: properties.id, note: { type: "string" }, name: properties.name },
      } as const,
      ["id"] as const,
    );
    await table2.put({ id: "a", name: "A" });
    const updated = await table2.update({ id: "a" }, { note: "n" } as never);
    expect(Object.keys(updated ?? {})).toEqual(["id", "note", "name"]);
  });

  it("may have a column called like what every object has", async () => {
    const odd = {
      type: "object",
      properties: {
        id: { type: "string" },
        constructor: { type: "string" },
        toString: { type: "number" },
      },
      required: ["id"],
    } as const;
    const table = new InMemoryTabularStorage(odd, ["id"] as const, ["constructor"]);
    await table.put({ id: "a" } as never);
    await table.put({ id: "b", constructor: "x", toString: 1 });
    const orderBy = [{ column: "constructor", direction: "DESC" }] as const;
    expect((await table.getAll({ orderBy }))?.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(await table.query({ constructor: null } as never)).toEqual([{ id: "a" }]);
    expect(await table.getAll({ select: ["id", "toString"] })).toEqual([
      { id: "a" },
      { id: "b", toString: 1 },
    ] as never);
    const page = await table.getPage({ orderBy, limit: 1 });
    expect(
      (await table.getPage({ orderBy, limit: 1, cursor: page.nextCursor ?? "" })).items,
    ).toEqual([{ id: "a" }]);
  });
});

describe("subscriptions in memory", () => {
  const listen = (table: ReturnType<typeof people>, since?: string) => {
    const seen: TabularChangePayload<{ id: string }>[] = [];
    const stop = table.subscribeToChanges(
      (c) => void seen.push(c),
      since === undefined ? {} : { since },
    );
    return { seen, stop };
  };

  it("deliver the changes of all storages of the table, in one order, before the write returns", async () => {
    const database = new MemoryDatabase();
    const [a, b] = [people({ database, table: "people" }), people({ database, table: "people" })];
    const [first, second] = [listen(a), listen(b)];
    await b.put({ id: "x", name: "X" });
    await a.update({ id: "x" }, { name: "Y" });
    await b.delete({ id: "x" });
    expect(first.seen.map(({ type }) => type)).toEqual(["INSERT", "UPDATE", "DELETE"]);
    expect(first.seen).toEqual(second.seen);
    expect(first.seen[1]).toMatchObject({ old: { name: "X" }, new: { name: "Y" } });
  });

  it("go on from a position, or say RESYNC when it is forgotten", async () => {
    const database = new MemoryDatabase({ changeLogLength: 2 });
    const table = people({ database });
    const { seen, stop } = listen(table);
    await table.put({ id: "a", name: "A" });
    stop();
    await table.put({ id: "b", name: "B" });
    await table.put({ id: "c", name: "C" });
    const { seen: resumed } = listen(table, seen[0]?.position ?? "");
    await delay(0);
    expect(resumed.map((c) => c.new?.id)).toEqual(["b", "c"]);
    for (const id of ["d", "e", "f", "g"]) await table.put({ id, name: id });
    const { seen: late } = listen(table, seen[0]?.position ?? "");
    await delay(0);
    expect(late.map(({ type }) => type)).toEqual(["RESYNC"]);
    await table.put({ id: "h", name: "h" });
    expect(late.map(({ type }) => type)).toEqual(["RESYNC", "INSERT"]);
  });

  it("wait for a slow subscriber, and let a writer and other subscribers go on", async () => {
    const table = people();
    const slow: string[] = [];
    table.subscribeToChanges(async ({ new: row }) => {
      await delay(5);
      slow.push(row?.id ?? "");
    });
    const { seen } = listen(table);
    await table.putBulk(["a", "b", "c"].map((id) => ({ id, name: id })));
    expect(seen).toHaveLength(3);
    expect(slow).toEqual([]);
    await delay(40);
    expect(slow).toEqual(["a", "b", "c"]);
  });

  it("may write to the storage from the callback, inside anybody's transaction", async () => {
    const table = people();
    table.subscribeToChanges(async ({ type, new: row }) => {
      if (type === "INSERT" && row?.id === "a") await table.put({ id: "echo", name: "echo" });
    });
    await table.transaction((tx) => tx.put({ id: "a", name: "A" }));
    await delay(0);
    expect(await table.get({ id: "echo" })).toBeDefined();
  });

  it("hold back no call: what is put is what the row was at the call", async () => {
    const table = people();
    const { seen } = listen(table);
    const row = { id: "a", name: "A" };
    const putting = table.put(row);
    row.name = "changed";
    await putting;
    expect(seen.map((c) => c.new)).toEqual([{ id: "a", name: "A", email: null }]);
  });

  it("end with the storage", async () => {
    const database = new MemoryDatabase();
    const [a, b] = [people({ database, table: "people" }), people({ database, table: "people" })];
    const { seen } = listen(a);
    await a[Symbol.asyncDispose]();
    await b.put({ id: "a", name: "A" });
    await delay(0);
    expect(seen).toEqual([]);
    expect(await b.size()).toBe(1);
  });
});

describe("set-up of a table that another storage in memory has made", () => {
  const database = () => new MemoryDatabase();
  const evolved = {
    type: "object",
    properties: {
      id: { type: "string" },
      fullName: { type: "string" },
      age: { type: "integer" },
      tags: { type: "array" },
    },
    required: ["id", "fullName", "age"],
    additionalProperties: false,
  } as const;
  const migrations: readonly Migration[] = [
    { version: 1, steps: [{ renameColumn: "name", to: "fullName" }, { dropColumn: "email" }] },
    {
      version: 2,
      steps: [
        { addColumn: "age", default: 18 },
        { addIndex: ["age"] },
        {
          transform: (row: Row) => ({ ...row, fullName: `${row.fullName}!`, tags: [row.id] }),
        },
      ],
    },
  ];
  // `tags` is what set-up may add by itself, so that the transform can fill it only as a step.
  const withTags: readonly Migration[] = [
    migrations[0] as Migration,
    { version: 2, steps: [{ addColumn: "tags" }, ...(migrations[1]?.steps ?? [])] },
  ];

  it("runs migrations once, on the rows of every tenant, and tells subscribers to read again", async () => {
    const db = database();
    const before = people({ database: db, table: "people" });
    await before.putBulk([
      { id: "a", name: "A", email: "x" },
      { id: "b", name: "B" },
    ]);
    const types: string[] = [];
    before.subscribeToChanges(({ type }) => void types.push(type));
    const options = { database: db, table: "people", migrations: withTags };
    const after = new InMemoryTabularStorage(evolved, ["id"] as const, ["age"], options);
    await expect(after.getAll()).rejects.toMatchObject({ name: "StorageSchemaMismatchError" });
    await after.setupDatabase();
    await after.setupDatabase();
    const expected = [
      { id: "a", fullName: "A!", age: 18, tags: ["a"] },
      { id: "b", fullName: "B!", age: 18, tags: ["b"] },
    ];
    expect(await after.getAll()).toEqual(expected);
    expect(await after.query({ age: 18 })).toEqual(expected);
    expect(types).toEqual(["RESYNC"]);
    await expect(before.getAll()).rejects.toMatchObject({ name: "StorageSchemaMismatchError" });
    const again = new InMemoryTabularStorage(evolved, ["id"] as const, ["age"], options);
    await again.setupDatabase();
    expect(await again.getAll()).toEqual(expected);
  });

  it("is taken back with the transaction around it", async () => {
    const db = database();
    const before = people({ database: db, table: "people" });
    await before.put({ id: "a", name: "A", email: "x" });
    const after = new InMemoryTabularStorage(evolved, ["id"] as const, ["age"], {
      database: db,
      table: "people",
      migrations: withTags,
    });
    await after
      .transaction(async (tx) => {
        await tx.setupDatabase();
        await tx.put({ id: "b", fullName: "B", age: 1 });
        expect(await tx.size()).toBe(2);
        throw new Error("no");
      })
      .catch(() => undefined);
    expect(await before.getAll()).toEqual([{ id: "a", name: "A", email: "x" }]);
  });

  it("changes nothing when a step fails or rows conflict with a new unique index", async () => {
    const db = database();
    const before = people({ database: db, table: "people" });
    await before.putBulk(["a", "b"].map((id) => ({ id, name: "same", email: null })));
    const conflicting = people({ database: db, table: "people", uniqueIndexes: ["name"] });
    await expect(conflicting.setupDatabase()).rejects.toMatchObject({
      name: "StorageConflictError",
    });
    const failing = people({
      database: db,
      table: "people",
      migrations: [{ version: 1, steps: [{ transform: () => ({ wrong: 1 }) as never }] }],
    });
    await expect(failing.setupDatabase()).rejects.toThrow("wrong");
    expect(await before.getAll()).toHaveLength(2);
    await before.put({ id: "c", name: "same", email: null });
    expect(await before.query({ name: "same" })).toHaveLength(3);
  });

  it("refuses a table of a later version", async () => {
    const db = database();
    people({ database: db, table: "people", migrations: [{ version: 7, steps: [] }] });
    const old = people({ database: db, table: "people" });
    await expect(old.setupDatabase()).rejects.toThrow("version 7");
  });

  it("refuses another tenant column", async () => {
    const db = database();
    people({ database: db, table: "people" });
    const other = people({
      database: db,
      table: "people",
      prefixes: [{ name: "tenant", type: "uuid" }],
      prefixValues: { tenant: "a" },
    });
    await expect(other.setupDatabase()).rejects.toThrow("tenant");
    await expect(other.size()).rejects.toThrow("tenant");
  });
});
