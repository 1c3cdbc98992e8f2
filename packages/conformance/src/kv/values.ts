import { assert, assertEqual, assertInvalid } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";
import { jsonValues, nonJsonValues, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";

export const valueCases: readonly Case[] = [
  {
    name: "gives back every JSON value as it was",
    run: async (c) => {
      const kv = await c.kv();
      for (const value of jsonValues()) {
        await kv.put("key", value);
        assertEqual(await kv.get("key"), value, `the stored ${show(value)}`);
      }
    },
  },
  {
    name: "keeps a property called __proto__ a property",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", JSON.parse('{"__proto__":{"polluted":true}}'));
      const value = (await kv.get("key")) as object;
      assert(Object.hasOwn(value, "__proto__"), "the own property __proto__ is gone");
      assert(!("polluted" in value), "the property __proto__ became the prototype");
      assert(!("polluted" in {}), "the prototype of all objects was changed");
    },
  },
  {
    name: "stores null as a value",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", null);
      assertEqual(await kv.get("key"), null);
      assertEqual(await kv.has("key"), true);
      assertEqual(await kv.get("other"), undefined);
    },
  },
  {
    name: "gives back bytes as a Uint8Array",
    run: async (c) => {
      const kv = await c.kv();
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const views = [all, new Uint8Array(0), all.subarray(10, 20), new Uint8Array([0, 0, 0])];
      for (const bytes of views) {
        await kv.put("key", bytes);
        assertEqual(await kv.get("key"), Uint8Array.from(bytes), "the bytes");
      }
      assertEqual(await collect(kv.entries()), [{ key: "key", value: new Uint8Array(3) }]);
    },
  },
  {
    name: "tells bytes, lists of numbers and texts apart",
    run: async (c) => {
      const kv = await c.kv();
      const values = {
        bytes: new Uint8Array([1, 2]),
        list: [1, 2],
        object: { 0: 1, 1: 2 },
        text: "1,2",
      };
      for (const [key, value] of Object.entries(values)) await kv.put(key, value);
      for (const [key, value] of Object.entries(values)) assertEqual(await kv.get(key), value, key);
    },
  },
  {
    name: "stores values of a million characters and bytes",
    run: async (c) => {
      const kv = await c.kv();
      const text = "a\u00e9\u{1f600}\n".repeat(250_000);
      const bytes = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 256);
      await kv.put("text", { text });
      await kv.put("bytes", bytes);
      const stored = (await kv.get("text")) as { text: string };
      assert(stored.text === text, "the long text came back different");
      assertEqual(await kv.get("bytes"), bytes, "the long bytes");
    },
  },
  {
    name: "turns -0 into 0",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", -0);
      assertEqual(await kv.get("key"), 0);
      await kv.put("key", { a: [-0] });
      assertEqual(await kv.get("key"), { a: [0] });
    },
  },
  {
    name: "leaves undefined properties out",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", { a: 1, b: undefined });
      assertEqual(await kv.get("key"), { a: 1 });
    },
  },
  {
    name: "refuses undefined as a value",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("key", 1);
      await assertInvalid(() => kv.put("key", undefined), "put of undefined");
      await assertInvalid(() => kv.put("new", undefined), "put of undefined");
      await assertInvalid(
        () => kv.putBulk([{ key: "key", value: undefined }]),
        "putBulk of undefined",
      );
      assertEqual(await collect(kv.entries()), [{ key: "key", value: 1 }]);
    },
  },
  {
    name: "refuses values that are no JSON, at any depth, and stores nothing",
    run: async (c) => {
      const kv = await c.kv();
      for (const [what, value] of nonJsonValues()) {
        await assertInvalid(() => kv.put("key", value), what);
        await assertInvalid(() => kv.put("key", { a: [value] }), `${what} inside`);
        await assertInvalid(
          () =>
            kv.putBulk([
              { key: "a", value: 1 },
              { key: "b", value },
            ]),
          what,
        );
      }
      await assertInvalid(() => kv.put("key", [undefined]), "undefined in a list");
      await assertInvalid(() => kv.put("key", { a: new Uint8Array(1) }), "bytes inside an object");
      assertEqual(await kv.size(), 0, "the size");
    },
  },
  {
    name: "refuses NUL and lone surrogates in property names",
    run: async (c) => {
      const kv = await c.kv();
      for (const text of UNSTORABLE_TEXTS) {
        await assertInvalid(() => kv.put("key", { [text]: 1 }), show(text));
      }
      assertEqual(await kv.size(), 0, "the size");
    },
  },
  {
    name: "copies what it is given",
    run: async (c) => {
      const kv = await c.kv();
      const value = { list: [1], inner: { a: 1 } };
      const bytes = new Uint8Array([1, 2, 3]);
      const bulk = { key: "bulk", value: { a: [1] } };
      const puts = [kv.put("key", value), kv.put("bytes", bytes), kv.putBulk([bulk])];
      value.list.push(2);
      value.inner.a = 2;
      bytes[0] = 9;
      bulk.value.a.push(2);
      await Promise.all(puts);
      value.list.push(3);
      bytes[1] = 9;
      assertEqual(await kv.get("key"), { list: [1], inner: { a: 1 } });
      assertEqual(await kv.get("bytes"), new Uint8Array([1, 2, 3]));
      assertEqual(await kv.get("bulk"), { a: [1] });
    },
  },
  {
    name: "gives copies out",
    run: async (c) => {
      const kv = await c.kv();
      await kv.put("bytes", new Uint8Array([1]));
      await kv.put("key", { a: [1] });
      const spoil = (value: unknown): void => {
        if (value instanceof Uint8Array) value[0] = 9;
        else (value as { a: number[] }).a.push(9);
      };
      spoil(await kv.get("key"));
      spoil(await kv.get("bytes"));
      for (const entry of (await kv.getAll()) ?? []) spoil(entry.value);
      for (const entry of await kv.getMany(["key", "bytes"])) spoil(entry.value);
      for await (const entry of kv.entries()) spoil(entry.value);
      assertEqual(await kv.getAll(), [
        { key: "bytes", value: new Uint8Array([1]) },
        { key: "key", value: { a: [1] } },
      ]);
    },
  },
];
