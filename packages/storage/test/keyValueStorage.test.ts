import { describe, expect, it, vi } from "vitest";
import {
  DefaultKeyValueKey,
  DefaultKeyValueSchema,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  KvViaTabularStorage,
  keyValueSchema,
  kvColumns,
} from "../src/index.ts";

type Schemas = Parameters<typeof keyValueSchema>;

/** The same storage, in memory directly and as rows of a table. */
const kinds = {
  InMemoryKvStorage: (...schemas: Schemas) => new InMemoryKvStorage<never>(...schemas),
  KvViaTabularStorage: (...schemas: Schemas) =>
    new KvViaTabularStorage<never>(
      new InMemoryTabularStorage(keyValueSchema(...schemas), DefaultKeyValueKey),
    ),
};

describe.each(Object.entries(kinds))("%s", (_name, make) => {
  const storage = (...schemas: Schemas) =>
    make(...schemas) as unknown as InMemoryKvStorage<string | number>;
  const invalid = { kind: "invalid", name: "StorageValidationError" };

  it("takes texts as keys unless a schema says otherwise", async () => {
    const texts = storage();
    await texts.put("1", "text");
    await expect(texts.put(1, "number")).rejects.toMatchObject(invalid);
    const numbers = storage({ type: "number" });
    await numbers.put(1.5, "fraction");
    expect(await numbers.get(1.5)).toBe("fraction");
    for (const key of ["1", Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(numbers.put(key, 1)).rejects.toMatchObject(invalid);
    }
    const integers = storage({ type: "integer" });
    await expect(integers.get(1.5)).rejects.toMatchObject(invalid);
  });

  it("walks number keys by value, and text keys by code point", async () => {
    const numbers = storage({ type: "number" });
    await numbers.putBulk([10, 9, -1, 2.5].map((key) => ({ key, value: key })));
    expect(await Array.fromAsync(numbers.keys())).toEqual([-1, 2.5, 9, 10]);
    expect(await Array.fromAsync(numbers.keys({ gt: -1, lte: 9, reverse: true }))).toEqual([
      9, 2.5,
    ]);
    const texts = storage();
    await texts.putBulk(["\u{1f600}", "\uff5e", "z"].map((key) => ({ key, value: 1 })));
    expect(await Array.fromAsync(texts.keys())).toEqual(["z", "\uff5e", "\u{1f600}"]);
  });

  it("keeps a walk in order and without gaps while keys come and go", async () => {
    const kv = storage();
    const name = (i: number) => `key ${i.toString().padStart(5, "0")}`;
    await kv.putBulk(Array.from({ length: 3000 }, (_, i) => ({ key: name(2 * i), value: i })));
    const seen: (string | number)[] = [];
    for await (const key of kv.keys({ prefix: "key" })) {
      seen.push(key);
      if (seen.length % 500 === 0) {
        await kv.delete(key);
        await kv.put(name(2 * seen.length - 3), "behind");
      }
    }
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, i) => name(2 * i)));
  });

  it("checks the type of values by their schema", async () => {
    const schemas = {
      string: [{ type: "string" }, "a", 1],
      integer: [{ type: "integer" }, 1, 1.5],
      object: [{ type: "object" }, { a: 1 }, [1]],
      array: [{ type: "array" }, [1], { a: 1 }],
      bytes: [{ type: "string", contentEncoding: "blob" }, new Uint8Array([1]), "a"],
      vector: [{ type: "array", format: "TypedArray:Float32Array" }, new Float32Array([1]), [1]],
      nullable: [{ type: ["string", "null"] }, null, 1],
      "not null": [{ type: "string" }, "a", null],
    } as const;
    for (const [what, [schema, good, bad]] of Object.entries(schemas)) {
      const kv = storage({ type: "string" }, schema);
      await kv.put("k", good);
      expect(await kv.get("k"), what).toEqual(good);
      await expect(kv.put("k", bad), what).rejects.toMatchObject(invalid);
      expect(await kv.get("k"), what).toEqual(good);
    }
  });

  it("stores a date-time in one form, as a key and as a value", async () => {
    const time = { type: "string", format: "date-time" } as const;
    const kv = storage(time, time);
    await kv.put("2025-01-01T01:00:00+01:00", new Date(0));
    expect(await kv.getAll()).toEqual([
      { key: "2025-01-01T00:00:00.000Z", value: "1970-01-01T00:00:00.000Z" },
    ]);
    expect(await kv.get("2025-01-01")).toBe("1970-01-01T00:00:00.000Z");
  });

  it("compares and sets whole values: JSON in any order of its keys, bytes, null", async () => {
    const kv = storage();
    const held = [
      { a: 1, b: [{ c: null, d: 2 }] },
      new Uint8Array([1, 2]),
      null,
      "text",
      0,
      [1, [2]],
    ];
    const same = [
      { b: [{ d: 2, c: null }], a: 1 },
      new Uint8Array([1, 2]),
      null,
      "text",
      0,
      [1, [2]],
    ];
    const others = [{ a: 1 }, new Uint8Array([1]), "", "Text", false, [[2], 1], [1, 2]];
    for (const [i, value] of held.entries()) {
      await kv.put("k", value);
      for (const expect_ of others.filter((_, j) => j !== i)) {
        const attempt = kv.put("k", "wrong", { expect: expect_ });
        await expect(attempt, `${i}`).rejects.toMatchObject({ name: "StorageConflictError" });
      }
      await kv.put("k", "next", { expect: same[i] });
      expect(await kv.get("k")).toBe("next");
    }
    await expect(kv.put("absent", 1, { expect: null })).rejects.toMatchObject({
      name: "StorageConflictError",
    });
  });

  it("lets one of many win where all expect the same", async () => {
    const kv = storage();
    await kv.put("k", { n: 0 });
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => kv.put("k", { n: n + 1 }, { expect: { n: 0 } })),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const firsts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => kv.put("new", n, { ifAbsent: true })),
    );
    expect(firsts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("is not changed through what was given, also where an iterable gives one object again", async () => {
    const kv = storage();
    const value = { list: [1] };
    const putting = kv.put("a", value);
    value.list.push(2);
    await putting;
    expect(await kv.get("a")).toEqual({ list: [1] });
    const shared = { n: 0 };
    await kv.putBulk(
      (function* () {
        for (const key of ["x", "y"]) {
          shared.n++;
          yield { key, value: shared };
        }
      })(),
    );
    expect([await kv.get("x"), await kv.get("y")]).toEqual([{ n: 1 }, { n: 2 }]);
    const heard: unknown[] = [];
    kv.on("put", (_key, given) => void heard.push(given));
    const again = kv.put("a", value);
    value.list.push(3);
    await again;
    expect(heard).toEqual([{ list: [1, 2] }]);
  });

  it("tells which keys were deleted, and only those that were there", async () => {
    const kv = storage();
    await kv.putBulk(["a", "b", "c"].map((key) => ({ key, value: null })));
    const heard = vi.fn();
    kv.on("delete", heard);
    await kv.delete("a");
    await kv.delete("a");
    await kv.deleteMany(["b", "x", "b"]);
    expect(heard.mock.calls).toEqual([["a"], ["b"]]);
    expect(await kv.size()).toBe(1);
  });
});

describe("KvViaTabularStorage", () => {
  it("takes any table of one key and one value, and leaves what it stores readable as rows", async () => {
    const table = new InMemoryTabularStorage(
      {
        type: "object",
        properties: { id: { type: "integer" }, payload: { type: "object" } },
        required: ["id", "payload"],
      } as const,
      ["id"] as const,
    );
    const kv = new KvViaTabularStorage<number>(table);
    await kv.put(1, { a: 1 });
    expect(await table.getAll()).toEqual([{ id: 1, payload: { a: 1 } }]);
    await table.put({ id: 2, payload: { b: 2 } });
    expect(await kv.get(2)).toEqual({ b: 2 });
  });

  it("refuses tables of another form", () => {
    const refuse = (properties: object, key: readonly string[]) =>
      expect(() => kvColumns({ type: "object", properties } as never, key)).toThrow("key-value");
    refuse({ key: { type: "string" } }, ["key"]);
    refuse({ key: { type: "string" }, a: {}, b: {} }, ["key"]);
    refuse({ key: { type: "string" }, value: {}, bytes: {} }, ["key"]);
    refuse({ key: { type: "string" }, a: {}, value: {}, bytes: {} }, ["key"]);
    refuse({ a: { type: "string" }, b: { type: "string" }, value: {} }, ["a", "b"]);
    refuse({ key: { type: "boolean" }, value: {} }, ["key"]);
  });

  it("replaces bytes by JSON and JSON by bytes", async () => {
    const kv = new KvViaTabularStorage(
      new InMemoryTabularStorage(DefaultKeyValueSchema, DefaultKeyValueKey),
    );
    await kv.put("k", new Uint8Array([1]));
    await kv.put("k", { a: 1 });
    expect(await kv.get("k")).toEqual({ a: 1 });
    await kv.put("k", new Uint8Array());
    expect(await kv.get("k")).toEqual(new Uint8Array());
    await kv.put("k", null);
    expect(await kv.get("k")).toBeNull();
  });

  it("ends with its table, and its table with it", async () => {
    const table = new InMemoryTabularStorage(DefaultKeyValueSchema, DefaultKeyValueKey);
    const kv = new KvViaTabularStorage(table);
    await kv[Symbol.asyncDispose]();
    await expect(table.size()).rejects.toMatchObject({ name: "StorageClosedError" });
    await expect(kv.size()).rejects.toMatchObject({ name: "StorageClosedError" });
  });
});

describe("keyValueSchema", () => {
  it("is the default schema without schemas, or for values of any type", () => {
    expect(keyValueSchema()).toEqual(DefaultKeyValueSchema);
    expect(keyValueSchema({ type: "string" }, {})).toEqual(DefaultKeyValueSchema);
    expect(keyValueSchema({ type: "string" }, { title: "Anything" })).toEqual(
      DefaultKeyValueSchema,
    );
  });

  it("refuses a schema that allows nothing", () => {
    expect(() => keyValueSchema(false)).toThrow("allows nothing");
    expect(() => keyValueSchema(true, false)).toThrow("allows nothing");
  });
});
