import type { KvRange } from "@workglow/storage";
import { assertEqual, assertInvalid } from "../assert.ts";
import { byCodePoint, collect } from "../collect.ts";
import type { Case, TestKv } from "../harness.ts";
import { TEXTS_BY_CODE_POINT } from "../samples.ts";
import { show } from "../show.ts";

const KEYS = [
  ...new Set([
    ...TEXTS_BY_CODE_POINT,
    "a%",
    "a%b",
    "a_",
    "a_b",
    "a\\",
    "a\\b",
    "a\uffff",
    "a\uffffz",
    "a\u{10ffff}",
    "a\u{10ffff}\u{10ffff}b",
    "aXb",
    "\u{10ffff}\u{10ffff}",
  ]),
].sort(byCodePoint);

/** The obvious meaning of a range. */
function inRange(key: string, { gt, gte, lt, lte, prefix }: KvRange<string>): boolean {
  return (
    (gt === undefined || byCodePoint(key, gt) > 0) &&
    (gte === undefined || byCodePoint(key, gte) >= 0) &&
    (lt === undefined || byCodePoint(key, lt) < 0) &&
    (lte === undefined || byCodePoint(key, lte) <= 0) &&
    (prefix === undefined || key.startsWith(prefix))
  );
}

async function checkRange(kv: TestKv, range: KvRange<string>): Promise<void> {
  const ordered = range.reverse ? KEYS.toReversed() : KEYS;
  const expected = ordered.filter((key) => inRange(key, range)).slice(0, range.limit);
  assertEqual(await collect(kv.keys(range)), expected, `keys(${show(range)})`);
  const entries = expected.map((key) => ({ key, value: `value of ${key}` }));
  assertEqual(await collect(kv.entries(range)), entries, `entries(${show(range)})`);
}

async function filled(kv: TestKv): Promise<TestKv> {
  await kv.putBulk(KEYS.map((key) => ({ key, value: `value of ${key}` })));
  return kv;
}

export const rangeCases: readonly Case[] = [
  {
    name: "walks ranges by bounds, in both directions",
    run: async (c) => {
      const kv = await filled(await c.kv());
      const bounds = ["", "Z", "a", "a%", "nothing", "\ue000", "\uffff", "\u{1f600}", "\u{10ffff}"];
      for (const bound of bounds) {
        for (const name of ["gt", "gte", "lt", "lte"] as const) {
          await checkRange(kv, { [name]: bound });
          await checkRange(kv, { [name]: bound, reverse: true, limit: 3 });
        }
      }
      await checkRange(kv, { gt: "A", lt: "b" });
      await checkRange(kv, { gte: "A", lte: "b", reverse: true });
      await checkRange(kv, { gt: "A", gte: "a", lt: "z", lte: "b" });
      await checkRange(kv, { gt: "b", lt: "a" });
      await checkRange(kv, {});
    },
  },
  {
    name: "walks prefixes literally, whatever characters they hold",
    run: async (c) => {
      const kv = await filled(await c.kv());
      const prefixes = [
        "",
        "a",
        "a%",
        "a_",
        "a\\",
        "%",
        "_",
        "a\uffff",
        "a\u{10ffff}",
        "\u{10ffff}",
        "\ud7ff",
        "none",
      ];
      for (const prefix of prefixes) {
        await checkRange(kv, { prefix });
        await checkRange(kv, { prefix, reverse: true, limit: 2 });
        await checkRange(kv, { prefix, gt: "a%", lte: "a\uffff" });
      }
    },
  },
  {
    name: "walks more keys than fit one page",
    run: async (c) => {
      const kv = await c.kvByNumber();
      const keys = Array.from({ length: 2_100 }, (_, i) => i - 1_000);
      await kv.putBulk(keys.map((key) => ({ key, value: key * 2 })));
      assertEqual(await collect(kv.keys()), keys, "all keys");
      assertEqual(
        await collect(kv.keys({ reverse: true })),
        keys.toReversed(),
        "all keys in reverse",
      );
      assertEqual(await collect(kv.keys({ gte: -500, limit: 1_200 })), keys.slice(500, 1_700));
      const entries = await collect(kv.entries({ lt: 1_050, reverse: true, limit: 1_000 }));
      assertEqual(
        entries.map(({ value }) => value),
        keys
          .slice(1_050, 2_050)
          .toReversed()
          .map((k) => k * 2),
      );
    },
  },
  {
    name: "walks on steadily while keys come and go",
    run: async (c) => {
      const kv = await c.kvByNumber();
      const stay = Array.from({ length: 1_500 }, (_, i) => i * 10);
      await kv.putBulk(
        stay.flatMap((key) => [
          { key, value: 0 },
          { key: key + 1, value: 0 },
        ]),
      );
      const seen: number[] = [];
      for await (const key of kv.keys()) {
        seen.push(key);
        // Behind and before the walk, so that positions shift in both directions.
        if (key % 100 === 0) await kv.deleteMany([key + 1, key - 9, 14_001 - key]);
        if (key % 150 === 0) await kv.put(key - 5, 0);
      }
      assertEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
        "the keys seen, in order and once",
      );
      assertEqual(
        seen.filter((key) => key % 10 === 0),
        stay,
        "the keys that were there all the time",
      );
    },
  },
  {
    name: "can be left early",
    run: async (c) => {
      const kv = await filled(await c.kv());
      for await (const key of kv.keys()) {
        assertEqual(key, KEYS[0], "the first key");
        break;
      }
      await kv.put("after", 1);
      assertEqual(await kv.get("after"), 1);
    },
  },
  {
    name: "refuses bad ranges",
    run: async (c) => {
      const kv = await filled(await c.kv());
      const numbers = await c.kvByNumber();
      for (const limit of [0, -1, 1.5, Number.NaN, "1", null]) {
        const range = { limit: limit as number };
        const name = "StorageInvalidLimitError";
        await assertInvalid(() => collect(kv.keys(range)), `limit ${show(limit)}`, name);
        await assertInvalid(() => collect(kv.entries(range)), `limit ${show(limit)}`, name);
      }
      await assertInvalid(() => collect(kv.keys({ gt: 1 as never })), "a number as bound");
      await assertInvalid(() => collect(kv.keys({ prefix: 1 as never })), "a number as prefix");
      await assertInvalid(() => collect(kv.keys({ lt: "a\0" })), "a bound with NUL");
      await assertInvalid(
        () => collect(kv.keys({ prefix: "\ud800" })),
        "half a character as prefix",
      );
      await assertInvalid(() => collect(numbers.keys({ gt: "1" as never })), "a text as bound");
      await assertInvalid(() => collect(numbers.keys({ prefix: "1" })), "a prefix of numbers");
    },
  },
];
