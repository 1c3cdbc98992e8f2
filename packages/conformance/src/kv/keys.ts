import { assertEqual, assertInvalid } from "../assert.ts";
import { collect, shuffled } from "../collect.ts";
import type { Case } from "../harness.ts";
import { HOSTILE_TEXTS, seededRandom, TEXTS_BY_CODE_POINT, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";

export const keyCases: readonly Case[] = [
  {
    name: "takes any text as a key and mixes none of them up",
    run: async (c) => {
      const kv = await c.kv();
      const keys = [...new Set([...HOSTILE_TEXTS, ...TEXTS_BY_CODE_POINT])];
      for (const key of keys) await kv.put(key, `value of ${key}`);
      assertEqual(await kv.size(), keys.length, "the size");
      for (const key of keys) assertEqual(await kv.get(key), `value of ${key}`, show(key));
      for (const key of keys) {
        await kv.delete(key);
        assertEqual(await kv.has(key), false, show(key));
      }
      assertEqual(await kv.size(), 0, "the size");
    },
  },
  {
    name: "tells keys apart that differ in case, accents' form or trailing spaces",
    run: async (c) => {
      const kv = await c.kv();
      const keys = ["a", "A", "a ", " a", "\u00e9", "e\u0301", "1", "01", "1.0"];
      for (const key of keys) await kv.put(key, key);
      assertEqual(await kv.size(), keys.length, "the size");
      for (const key of keys) assertEqual(await kv.get(key), key, show(key));
    },
  },
  {
    name: "orders text keys by code point",
    run: async (c) => {
      const kv = await c.kv();
      const items = TEXTS_BY_CODE_POINT.map((key) => ({ key, value: 1 }));
      await kv.putBulk(shuffled(items, seededRandom(1)));
      assertEqual(await collect(kv.keys()), TEXTS_BY_CODE_POINT, "keys()");
      assertEqual(
        (await kv.getAll())?.map(({ key }) => key),
        TEXTS_BY_CODE_POINT,
        "getAll()",
      );
    },
  },
  {
    name: "takes keys of 2,000 bytes and refuses longer ones",
    run: async (c) => {
      const kv = await c.kv();
      const longest = ["x".repeat(2_000), "\u00e9".repeat(1_000), "\u{1f600}".repeat(500)];
      for (const key of longest) {
        await kv.put(key, key);
        assertEqual(await kv.get(key), key, `a key of ${key.length} units`);
        await assertInvalid(() => kv.put(`${key}x`, 1), "a key of 2,001 bytes");
      }
      assertEqual(await kv.size(), longest.length, "the size");
    },
  },
  {
    name: "refuses keys that are no text, or hold NUL or lone surrogates, in every method",
    run: async (c) => {
      const kv = await c.kv();
      const bad = [...UNSTORABLE_TEXTS, 1, null, undefined, true, {}, ["a"], Symbol("s"), 1n];
      for (const wrong of bad as string[]) {
        await assertInvalid(() => kv.put(wrong, 1), `put ${show(wrong)}`);
        await assertInvalid(() => kv.get(wrong), `get ${show(wrong)}`);
        await assertInvalid(() => kv.has(wrong), `has ${show(wrong)}`);
        await assertInvalid(() => kv.delete(wrong), `delete ${show(wrong)}`);
        await assertInvalid(() => kv.getMany([wrong]), `getMany ${show(wrong)}`);
        await assertInvalid(() => kv.deleteMany([wrong]), `deleteMany ${show(wrong)}`);
        await assertInvalid(() => kv.putBulk([{ key: wrong, value: 1 }]), `putBulk ${show(wrong)}`);
      }
      assertEqual(await kv.size(), 0, "the size");
    },
  },
  {
    name: "orders number keys as numbers",
    run: async (c) => {
      const kv = await c.kvByNumber();
      const keys = [-1e300, -1000, -2.5, -1, 0, 5e-324, 0.1, 1, 2, 10, 9007199254740991, 1e300];
      await kv.putBulk(shuffled(keys, seededRandom(2)).map((key) => ({ key, value: `${key}` })));
      assertEqual(await collect(kv.keys()), keys, "keys()");
      assertEqual(await collect(kv.keys({ gt: -1, lte: 2 })), [0, 5e-324, 0.1, 1, 2], "a range");
      for (const key of keys) assertEqual(await kv.get(key), `${key}`, `the value of ${key}`);
    },
  },
  {
    name: "takes 0 and -0 as one number key",
    run: async (c) => {
      const kv = await c.kvByNumber();
      await kv.put(-0, "first");
      await kv.put(0, "second");
      assertEqual(await kv.getAll(), [{ key: 0, value: "second" }]);
      assertEqual(await kv.get(-0), "second");
    },
  },
  {
    name: "refuses number keys that are no finite number",
    run: async (c) => {
      const kv = await c.kvByNumber();
      const bad = [Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, 1n, true, {}];
      for (const wrong of bad as number[]) {
        await assertInvalid(() => kv.put(wrong, 1), `put ${show(wrong)}`);
        await assertInvalid(() => kv.get(wrong), `get ${show(wrong)}`);
        await assertInvalid(() => kv.delete(wrong), `delete ${show(wrong)}`);
      }
      assertEqual(await kv.size(), 0, "the size");
    },
  },
];
