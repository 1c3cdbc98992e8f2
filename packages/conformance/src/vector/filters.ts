import { not, or } from "@workglow/storage";
import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestRow, TestVector } from "../harness.ts";
import { seededRandom } from "../samples.ts";
import { show } from "../show.ts";
import { assertRanking, idsOf } from "./assertRanking.ts";
import { ranking } from "./reference.ts";
import { chunk, chunks, withDimensions } from "./tables.ts";

const QUERY = new Float32Array([1, 0, 0]);

/** Rows that are found in the order of their ids. */
const ordered = (metadata: Readonly<Record<string, TestRow>>): TestRow[] =>
  Object.entries(metadata).map(([id, fields], i) => chunk(id, [10, i, 0], fields));

async function found(storage: TestVector, filter: object): Promise<unknown[]> {
  return idsOf(await storage.similaritySearch(QUERY, { filter, topK: 100 }));
}

export const filterCases: readonly Case[] = [
  {
    name: "filters by fields of the metadata",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.putBulk(
        ordered({
          a: { doc: "x", page: 1, draft: true },
          b: { doc: "x", page: 2, draft: false },
          c: { doc: "y", page: 2 },
          d: { page: 10 },
        }),
      );
      assertEqual(await found(storage, {}), ["a", "b", "c", "d"], "an empty filter");
      assertEqual(await found(storage, { doc: "x" }), ["a", "b"], "a text");
      assertEqual(await found(storage, { page: 2 }), ["b", "c"], "a number");
      assertEqual(await found(storage, { draft: false }), ["b"], "a boolean");
      assertEqual(await found(storage, { doc: "x", page: 2 }), ["b"], "two fields");
      assertEqual(await found(storage, { doc: "z" }), [], "a value that nobody has");
      assertEqual(await found(storage, { nothing: "z" }), [], "a field that nobody has");
    },
  },
  {
    name: "filters by conditions, as criteria do",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.putBulk(
        ordered({
          a: { doc: "x", page: 1 },
          b: { doc: "xa", page: 2 },
          c: { doc: "\u{1f600}", page: 10 },
          d: { doc: "\uffff", page: null },
          e: {},
        }),
      );
      const cases: readonly (readonly [filter: object, ids: readonly string[]])[] = [
        [{ page: { operator: ">", value: 1 } }, ["b", "c"]],
        [{ page: { operator: ">=", value: 1 } }, ["a", "b", "c"]],
        [{ page: { operator: "<", value: 10 } }, ["a", "b"]],
        [{ page: { operator: "!=", value: 2 } }, ["a", "c", "d", "e"]],
        [{ page: { operator: "in", value: [1, 10, 99] } }, ["a", "c"]],
        [{ page: { operator: "not-in", value: [1, 10] } }, ["b", "d", "e"]],
        [
          {
            page: [
              { operator: ">", value: 1 },
              { operator: "<", value: 10 },
            ],
          },
          ["b"],
        ],
        [{ page: null }, ["d", "e"]],
        [{ page: { operator: "!=", value: null } }, ["a", "b", "c"]],
        [{ page: { operator: "in", value: [null, 2] } }, ["b", "d", "e"]],
        [{ page: { operator: "in", value: [] } }, []],
        [{ doc: { operator: "prefix", value: "x" } }, ["a", "b"]],
        [{ doc: { operator: ">", value: "\uffff" } }, ["c"]],
        [{ doc: { operator: "<=", value: "x" } }, ["a"]],
        [or<TestRow>({ page: 1 }, { doc: "xa" }), ["a", "b"]],
        [not<TestRow>({ page: 1 }), ["b", "c", "d", "e"]],
        [not<TestRow>({ page: { operator: ">", value: 1 } }), ["a", "d", "e"]],
      ];
      for (const [filter, ids] of cases)
        assertEqual(await found(storage, filter), ids, show(filter));
    },
  },
  {
    name: "values of different types are never equal",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.putBulk(
        ordered({
          a: { v: 1 },
          b: { v: "1" },
          c: { v: true },
          d: { v: "true" },
          e: { v: null },
          f: { v: "null" },
          g: { v: 0 },
          h: { v: false },
          i: { v: "" },
        }),
      );
      const cases: readonly (readonly [unknown, readonly string[]])[] = [
        [1, ["a"]],
        ["1", ["b"]],
        [true, ["c"]],
        ["true", ["d"]],
        [null, ["e"]],
        ["null", ["f"]],
        [0, ["g"]],
        [false, ["h"]],
        ["", ["i"]],
      ];
      for (const [v, ids] of cases) assertEqual(await found(storage, { v }), ids, `v = ${show(v)}`);
    },
  },
  {
    name: "fields may have any name",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const names = [
        "a.b",
        "a b",
        'a"b',
        "a'b",
        "$",
        "$.a",
        "a[0]",
        "*",
        "constructor",
        "toString",
        "\u{1f600}",
        "--",
        "key",
        "?",
        "0",
      ];
      await storage.putBulk(
        names.map((name, i) => chunk(`${i}`.padStart(2, "0"), [10, i, 0], { [name]: "yes" })),
      );
      await storage.put(chunk("decoy", [1, 1, 1], { a: { b: "yes" }, nested: "no" }));
      for (const [i, name] of names.entries()) {
        assertEqual(
          await found(storage, { [name]: "yes" }),
          [`${i}`.padStart(2, "0")],
          `the field ${show(name)}`,
        );
      }
      assertEqual(await found(storage, { hasOwnProperty: "yes" }), [], "a field that nobody has");
      assertEqual(
        await found(storage, { valueOf: null }),
        [...names.keys()].map((i) => `${i}`.padStart(2, "0")).concat("decoy"),
        "a field that is null everywhere",
      );
    },
  },
  {
    name: "a filter that leaves few rows still finds them all, best first",
    timeoutMs: 20_000,
    run: async (c) => {
      const storage = await c.vector(withDimensions(8));
      const random = seededRandom(8);
      const rows = Array.from({ length: 2_000 }, (_, i) =>
        chunk(
          `${i}`.padStart(4, "0"),
          Array.from({ length: 8 }, () => random() * 2 - 1),
          { hit: i % 100 === 37, group: i % 7 },
        ),
      );
      await storage.putBulk(rows);
      const query = Float32Array.from({ length: 8 }, () => random() * 2 - 1);
      for (const [filter, kept] of [
        [{ hit: true }, rows.filter(({ metadata }) => (metadata as TestRow).hit)],
        [
          { group: { operator: "in", value: [2, 5] } },
          rows.filter(({ metadata }) => [2, 5].includes((metadata as { group: number }).group)),
        ],
      ] as const) {
        const best = await storage.similaritySearch(query, { topK: 15, filter });
        assertRanking(best, ranking(kept, query).slice(0, 15), `a search with ${show(filter)}`);
      }
    },
  },
  {
    name: "refuses filters that are none",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0], { page: 1 }));
      const filters: readonly unknown[] = [
        "page = 1",
        5,
        null,
        [],
        { page: undefined },
        { page: { operator: "=1 OR 1=1 --", value: 1 } },
        { page: { operator: "constructor", value: 1 } },
        { page: { operator: "in", value: 1 } },
        { page: { operator: ">", value: null } },
        { page: { operator: "prefix", value: 1 } },
        { page: Number.NaN },
        { page: () => 1 },
        { "page\0": 1 },
        { page: "\ud800" },
      ];
      for (const filter of filters) {
        await assertInvalid(
          () => storage.similaritySearch(QUERY, { filter: filter as never }),
          `the filter ${show(filter)}`,
        );
      }
    },
  },
];
