import { assertEqual, assertInvalid } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";
import { changes } from "../requirements.ts";
import { watchChanges } from "../subscriptions/watchChanges.ts";
import { idsOf } from "./assertRanking.ts";
import { QUERY } from "./searchOne.ts";
import { chunk, chunks } from "./tables.ts";

export const rowCases: readonly Case[] = [
  {
    name: "is a tabular storage: queries, pages, events, transactions",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const heard: unknown[] = [];
      storage.on("put", ({ id }) => void heard.push(id));
      const rows = ["c", "a", "b"].map((id, i) => ({ ...chunk(id, [1, i, 0]), note: `n${i}` }));
      assertEqual(await storage.putBulk(rows), rows, "what putBulk gave");
      assertEqual(heard, ["c", "a", "b"], "the events");
      assertEqual(
        await storage.query({ note: { operator: ">=", value: "n1" } }),
        [rows[1], rows[2]],
        "query",
      );
      const page = await storage.getPage({
        orderBy: [{ column: "note", direction: "DESC" }],
        limit: 2,
      });
      assertEqual(page.items, [rows[2], rows[1]], "a page");
      assertEqual(idsOf(await collect(storage.records(1))), ["a", "b", "c"], "records");
      assertEqual(
        [await storage.size(), await storage.count({ note: null })],
        [3, 0],
        "the counts",
      );
      await assertInvalid(
        () => storage.query({ vector: new Float32Array([1, 0, 0]) }),
        "criteria on the vector",
      );
      await assertInvalid(
        () => storage.getAll({ orderBy: [{ column: "vector", direction: "ASC" }] }),
        "an order by vector",
      );
    },
  },
  {
    name: "vectors arrive with the changes",
    requires: [changes],
    run: async (c) => {
      const storage = await c.vector(chunks);
      const watched = await watchChanges(storage as never);
      const [before, after] = [chunk("a", [1, 0, 0]), chunk("a", [0, 1, 0], { text: "t" })];
      await storage.put(before);
      await storage.put(after);
      assertEqual(await watched.next(2), [
        { type: "INSERT", new: before },
        { type: "UPDATE", old: before, new: after },
      ]);
      await watched.stop();
    },
  },
  {
    name: "vectors that are given are copied",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const vector = new Float32Array([1, 0, 0]);
      const writing = storage.put({ id: "a", vector, metadata: {} });
      vector[0] = -1;
      await writing;
      vector[0] = -2;
      const query = new Float32Array([1, 0, 0]);
      const searching = storage.similaritySearch(query);
      query[0] = -1;
      assertEqual((await searching)[0]?.score, 1, "the score");
      assertEqual(await storage.get({ id: "a" }), chunk("a", [1, 0, 0]), "the stored row");
    },
  },
  {
    name: "columns may have the names that search uses",
    run: async (c) => {
      const names = ["k", "distance", "rowid", "rank", "embedding", "select", 'dou"ble'];
      const properties = {
        ...chunks.schema.properties,
        ...Object.fromEntries(names.map((name) => [name, { type: "string" }] as const)),
      };
      const storage = await c.vector({ ...chunks, schema: { ...chunks.schema, properties } });
      const row = {
        ...chunk("a", [1, 0, 0]),
        ...Object.fromEntries(names.map((name) => [name, "v"])),
      };
      await storage.put(row);
      assertEqual(await storage.similaritySearch(QUERY), [{ ...row, score: 1 }]);
    },
  },
  {
    name: "works with compound and generated keys",
    run: async (c) => {
      const properties = {
        group: { type: "string" },
        id: { type: "integer", "x-auto-generated": true },
        vector: { type: "array", format: "TypedArray:Float32Array" },
      } as const;
      const schema = { type: "object", properties, required: ["group", "id", "vector"] } as const;
      const storage = await c.vector({ schema, primaryKey: ["group", "id"], dimensions: 2 });
      const vectors = [
        [1, 0],
        [2, 0],
        [0, 1],
      ].map((vector) => new Float32Array(vector));
      const stored = await storage.putBulk(
        vectors.map((vector, i) => ({ group: i === 1 ? "a" : "b", vector })),
      );
      const found = await storage.similaritySearch(new Float32Array([3, 0]));
      assertEqual(found, [
        { ...stored[1], score: 1 },
        { ...stored[0], score: 1 },
        { ...stored[2], score: 0 },
      ]);
    },
  },
];
