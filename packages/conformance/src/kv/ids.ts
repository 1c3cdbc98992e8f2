import type { JSONValue } from "@workglow/util";
import { assert, assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestKv } from "../harness.ts";
import { show } from "../show.ts";

/** Values of which no two are equal, but which some careless serialisation takes for one. */
const DISTINCT: readonly JSONValue[] = [
  null,
  "null",
  true,
  "true",
  false,
  0,
  "0",
  1,
  "1",
  "",
  [],
  {},
  "[]",
  "{}",
  [[]],
  [{}],
  [null],
  ["null"],
  [""],
  ["", ""],
  [1, 2],
  [12],
  ["1,2"],
  ["1", "2"],
  [2, 1],
  [[1], 2],
  [1, [2]],
  { a: 1 },
  { a: "1" },
  { a: null },
  { a: {} },
  { a: [] },
  { a: { b: 1 } },
  { a: '{"b":1}' },
  { "a.b": 1 },
  { b: { a: 1 } },
  { a: 1, b: 2 },
  { a: 2, b: 1 },
  { a: 12 },
  { 'a":1,"b': 2 },
  { A: 1 },
  "\u00e9",
  "e\u0301",
  "\u{1f600}",
  "\\",
  "\\\\",
  '"',
  1e21,
  "1e21",
  0.1,
  0.30000000000000004,
  0.3,
];

const id = (kv: TestKv, value: JSONValue): Promise<string> => kv.getObjectAsIdString(value);

export const idCases: readonly Case[] = [
  {
    name: "getObjectAsIdString gives one text whatever the order of the properties",
    run: async (c) => {
      const kv = await c.kv();
      const first = await id(kv, { a: 1, b: { c: [{ d: 1, e: 2 }], f: null } });
      assert(typeof first === "string" && first !== "", "the id is a text");
      assertEqual(await id(kv, { b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 }), first);
      assertEqual(await id(await c.kv(), { a: 1, b: { c: [{ d: 1, e: 2 }], f: null } }), first);
      assertEqual(await id(kv, { 10: 1, 9: 2, x: 3 }), await id(kv, { x: 3, 9: 2, 10: 1 }));
    },
  },
  {
    name: "getObjectAsIdString never gives two values one id",
    run: async (c) => {
      const kv = await c.kv();
      const seen = new Map<string, JSONValue>();
      for (const value of DISTINCT) {
        const text = await id(kv, value);
        assert(!seen.has(text), `${show(value)} and ${show(seen.get(text))} have one id`);
        seen.set(text, value);
      }
    },
  },
  {
    name: "getObjectAsIdString refuses what is no JSON",
    run: async (c) => {
      const kv = await c.kv();
      for (const value of [undefined, Number.NaN, 1n, () => 1, { a: new Date(0) }]) {
        await assertInvalid(() => id(kv, value as never), show(value));
      }
    },
  },
  {
    name: "an id serves as a key",
    run: async (c) => {
      const kv = await c.kv();
      const key = await id(kv, { user: "\u{1f600}", page: 2 });
      await kv.put(key, "cached");
      assertEqual(await kv.get(await id(kv, { page: 2, user: "\u{1f600}" })), "cached");
    },
  },
];
