import { assert, assertEqual, assertInvalid, assertRejects, rejection } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";

export const operationCases: readonly Case[] = [
  {
    name: "starts empty",
    run: async (c) => {
      const kv = await c.kv();
      assertEqual(await kv.size(), 0, "size()");
      assertEqual(await kv.getAll(), undefined, "getAll()");
      assertEqual(await kv.get("key"), undefined, "get()");
      assertEqual(await kv.has("key"), false, "has()");
      assertEqual(await kv.getMany(["key"]), [], "getMany()");
      assertEqual(await collect(kv.keys()), [], "keys()");
      assertEqual(await collect(kv.entries()), [], "entries()");
    },
  },
  {
    name: "put replaces the value of a key",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", { a: 1 });
      await kv.put("key", { b: 2 });
      assertEqual(await kv.getAll(), [{ key: "key", value: { b: 2 } }]);
    },
  },
  {
    name: "getMany keeps the order given, leaves missing keys out and repeats none",
    run: async (c) => {
      const kv = await c.kv();
      await kv.putBulk(["a", "b", "c"].map((key) => ({ key, value: key.toUpperCase() })));
      assertEqual(await kv.getMany(["c", "x", "a", "c"]), [
        { key: "c", value: "C" },
        { key: "a", value: "A" },
      ]);
      assertEqual(await kv.getMany([]), []);
    },
  },
  {
    name: "delete removes one key, and a missing one is no error",
    run: async (c) => {
      const kv = await c.kv();
      await kv.putBulk(["a", "b"].map((key) => ({ key, value: 1 })));
      await kv.delete("a");
      await kv.delete("a");
      assertEqual(await kv.getAll(), [{ key: "b", value: 1 }]);
    },
  },
  {
    name: "deleteMany removes the keys given and no other",
    run: async (c) => {
      const kv = await c.kv();
      await kv.putBulk(["a", "ab", "b", "c"].map((key) => ({ key, value: 1 })));
      await kv.deleteMany(["a", "c", "missing", "c"]);
      await kv.deleteMany([]);
      assertEqual(await collect(kv.keys()), ["ab", "b"]);
    },
  },
  {
    name: "deleteAll removes everything of this storage and nothing of another",
    run: async (c) => {
      const [kv, other] = [await c.kv(), await c.kv()];
      await kv.putBulk(["a", "b"].map((key) => ({ key, value: 1 })));
      await other.put("a", 2);
      await kv.deleteAll();
      assertEqual(await kv.getAll(), undefined);
      assertEqual(await kv.size(), 0, "the size");
      assertEqual(await other.getAll(), [{ key: "a", value: 2 }], "the other storage");
    },
  },
  {
    name: "putBulk takes lists, other iterables and generators",
    run: async (c) => {
      const kv = await c.kv();
      await kv.putBulk([]);
      await kv.putBulk([{ key: "list", value: 1 }]);
      await kv.putBulk(new Set([{ key: "set", value: 2 }]));
      await kv.putBulk(
        (function* () {
          yield { key: "generator", value: 3 };
        })(),
      );
      await kv.putBulk(
        (async function* () {
          yield { key: "async", value: 4 };
        })(),
      );
      assertEqual(await kv.getMany(["list", "set", "generator", "async"]), [
        { key: "list", value: 1 },
        { key: "set", value: 2 },
        { key: "generator", value: 3 },
        { key: "async", value: 4 },
      ]);
    },
  },
  {
    name: "putBulk stores thousands of items, given at once or one by one",
    run: async (c) => {
      const kv = await c.kv();
      const items = Array.from({ length: 2_500 }, (_, i) => ({ key: `a${i}`, value: i }));
      await kv.putBulk(items);
      await kv.putBulk(
        (async function* () {
          for (const { key, value } of items) yield { key: `b${key}`, value };
        })(),
      );
      assertEqual(await kv.size(), 5_000, "the size");
      assertEqual(await kv.getMany(["a0", "a2499", "ba0", "ba2499"]), [
        { key: "a0", value: 0 },
        { key: "a2499", value: 2_499 },
        { key: "ba0", value: 0 },
        { key: "ba2499", value: 2_499 },
      ]);
      assertEqual(
        (await kv.getMany(items.map(({ key }) => key))).length,
        2_500,
        "getMany's length",
      );
      await kv.deleteMany(items.map(({ key }) => key));
      assertEqual(await kv.size(), 2_500, "the size");
    },
  },
  {
    name: "putBulk lets the last of a repeated key win",
    run: async (c) => {
      const kv = await c.kv();
      await kv.putBulk(["first", "second", "last"].map((value) => ({ key: "key", value })));
      assertEqual(await kv.getAll(), [{ key: "key", value: "last" }]);
    },
  },
  {
    name: "putBulk stores nothing when one item of a list is bad",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("a", "before");
      const good = { key: "a", value: "after" };
      await assertInvalid(() => kv.putBulk([good, { key: "b", value: undefined }]), "a bad value");
      await assertInvalid(() => kv.putBulk([good, { key: 1 as never, value: 1 }]), "a bad key");
      await assertInvalid(() => kv.putBulk([good, null as never]), "no item");
      await assertInvalid(() => kv.putBulk(5 as never), "no list");
      await assertInvalid(() => kv.putBulk(null as never), "no list");
      const error = await rejection(
        () =>
          kv.putBulk(
            (function* () {
              yield good;
              throw new RangeError("the source broke");
            })(),
          ),
        "a source that throws",
      );
      assert(error instanceof Error, "a source that throws rejects with an error");
      assertEqual(await kv.getAll(), [{ key: "a", value: "before" }]);
    },
  },
  {
    name: "makes calls on one key take effect in the order in which they were made",
    run: async (c) => {
      const kv = await c.kv();
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 50; i++) {
        calls.push(kv.put("key", i));
        calls.push(kv.get("key").then((value) => assertEqual(value, i, "a read after a write")));
        if (i % 10 === 5) {
          calls.push(kv.delete("key"));
          calls.push(kv.has("key").then((has) => assertEqual(has, false, "has after delete")));
          calls.push(
            kv.putBulk([
              { key: "key", value: "bulk" },
              { key: "other", value: i },
            ]),
          );
          calls.push(
            kv.get("key").then((value) => assertEqual(value, "bulk", "a read after putBulk")),
          );
        }
      }
      await Promise.all(calls);
      assertEqual(await kv.get("key"), 49);
      assertEqual(await kv.get("other"), 45);
    },
  },
  {
    name: "a bad call among others fails alone",
    run: async (c) => {
      const kv = await c.kv();
      const calls = [
        kv.put("a", 1),
        kv.put("b", undefined),
        kv.put("c", 3),
        kv.putBulk(null as never),
      ];
      const settled = await Promise.allSettled(calls);
      assertEqual(
        settled.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled", "rejected"],
      );
      assertEqual(await collect(kv.keys()), ["a", "c"]);
    },
  },
  {
    name: "can be set up again without losing anything, also eight times at once",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", 1);
      await kv.setupDatabase();
      await Promise.all(Array.from({ length: 8 }, () => kv.setupDatabase()));
      assertEqual(await kv.getAll(), [{ key: "key", value: 1 }]);
    },
  },
  {
    name: "refuses conditions that contradict each other",
    run: async (c) => {
      const kv = await c.kv();
      await assertInvalid(() => kv.put("key", 1, { ifAbsent: true, expect: 2 }), "both conditions");
      await assertInvalid(() => kv.put("key", 1, { expect: Number.NaN }), "an expectation of NaN");
      assertEqual(await kv.size(), 0, "the size");
    },
  },
  {
    name: "put ifAbsent stores a new key and conflicts on a taken one",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", null, { ifAbsent: true });
      const expected = { name: "StorageConflictError", kind: "invalid" } as const;
      await assertRejects(() => kv.put("key", 2, { ifAbsent: true }), expected, "a taken key");
      assertEqual(await kv.get("key"), null);
      await kv.put("key", 3, { ifAbsent: false });
      assertEqual(await kv.get("key"), 3);
    },
  },
  {
    name: "put expect replaces an equal value and conflicts on any other",
    run: async (c) => {
      const kv = await c.kv();
      const conflict = { name: "StorageConflictError", kind: "invalid" } as const;
      await assertRejects(() => kv.put("key", 1, { expect: 0 }), conflict, "a missing key");
      assertEqual(await kv.has("key"), false);
      const steps = [
        1,
        "1",
        null,
        { a: [1, { b: null }], c: "x" },
        [],
        "",
        new Uint8Array([1, 2]),
        false,
      ];
      await kv.put("key", "start");
      let current: unknown = "start";
      for (const next of steps) {
        await assertRejects(
          () => kv.put("key", "no", { expect: "other" }),
          conflict,
          "another value",
        );
        await kv.put("key", next, { expect: current });
        assertEqual(await kv.get("key"), next);
        current = next;
      }
    },
  },
  {
    name: "put expect does not mind the order of an object's properties",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", { a: 1, b: { c: 2, d: 3 } });
      await kv.put("key", "replaced", { expect: { b: { d: 3, c: 2 }, a: 1 } });
      assertEqual(await kv.get("key"), "replaced");
    },
  },
  {
    name: "of writers that want a key to be absent, exactly one succeeds",
    run: async (c) => {
      const kv = await c.kv();
      const tries = Array.from({ length: 20 }, (_, i) => kv.put("key", i, { ifAbsent: true }));
      const settled = await Promise.allSettled(tries);
      const winners = settled.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
      assertEqual(winners.length, 1, "the number of winners");
      assertEqual(await kv.get("key"), winners[0]);
    },
  },
  {
    name: "concurrent compare-and-set loses no increment",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("count", 0);
      const increment = async (): Promise<void> => {
        for (;;) {
          const seen = (await kv.get("count")) as number;
          try {
            return await kv.put("count", seen + 1, { expect: seen });
          } catch (error) {
            if ((error as Error).name !== "StorageConflictError") throw error;
          }
        }
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      assertEqual(await kv.get("count"), 20);
    },
  },
];
