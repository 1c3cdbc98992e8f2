import { assertEqual } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { assertRanking, idsOf, randomRows } from "./assertRanking.ts";
import { ranking } from "./reference.ts";
import { chunk, chunks, withDimensions } from "./tables.ts";

export const searchOptionCases: readonly Case[] = [
  {
    name: "gives ten results unless asked for more or fewer",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.putBulk(randomRows(30, 3, 1));
      const query = new Float32Array([1, 1, 1]);
      assertEqual((await storage.similaritySearch(query)).length, 10, "the number of results");
      assertEqual((await storage.similaritySearch(query, { topK: 3 })).length, 3, "with topK 3");
      assertEqual(
        (await storage.similaritySearch(query, { topK: 100 })).length,
        30,
        "with topK 100",
      );
      assertEqual(
        (await storage.similaritySearch(query, { offset: 25 })).length,
        5,
        "from the 25th on",
      );
      assertEqual(await storage.similaritySearch(query, { offset: 30 }), [], "from the 30th on");
    },
  },
  {
    name: "leaves out no low or negative score unless there is a threshold, which is included",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.putBulk([chunk("a", [1, 0, 0]), chunk("b", [0, 1, 0]), chunk("c", [-1, 0, 0])]);
      const query = new Float32Array([1, 0, 0]);
      const found = async (scoreThreshold?: number): Promise<unknown[]> =>
        idsOf(
          await storage.similaritySearch(
            query,
            scoreThreshold === undefined ? {} : { scoreThreshold },
          ),
        );
      assertEqual(await found(), ["a", "b", "c"], "without a threshold");
      assertEqual(await found(-1), ["a", "b", "c"], "-1");
      assertEqual(await found(-0.5), ["a", "b"], "-0.5");
      assertEqual(await found(0), ["a", "b"], "0");
      assertEqual(await found(0.5), ["a"], "0.5");
      assertEqual(await found(1), ["a"], "1");
      assertEqual(await found(1.5), [], "1.5");
    },
  },
  {
    name: "the threshold is applied before the results are cut",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const rows = randomRows(40, 3, 12);
      await storage.putBulk(rows);
      const query = new Float32Array([1, -1, 0.5]);
      const expected = ranking(rows, query).filter(({ score }) => score >= 0.2);
      const found = await storage.similaritySearch(query, {
        scoreThreshold: 0.2,
        topK: 4,
        offset: 2,
      });
      assertRanking(found, expected.slice(2, 6), "a threshold with offset and topK");
    },
  },
  {
    name: "select gives the columns asked for, and the score",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put({ ...chunk("a", [1, 0, 0], { text: "t" }), note: "n" });
      const query = new Float32Array([1, 0, 0]);
      assertEqual(await storage.similaritySearch(query, { select: ["id", "metadata"] }), [
        { id: "a", metadata: { text: "t" }, score: 1 },
      ]);
      assertEqual(await storage.similaritySearch(query, { select: ["note"] }), [
        { note: "n", score: 1 },
      ]);
    },
  },
  {
    name: "searches by the key of a stored row as by its vector",
    run: async (c) => {
      const storage = await c.vector(withDimensions(5));
      const rows = randomRows(50, 5, 3);
      await storage.putBulk(rows);
      const { id, vector } = rows[9] as { id: string; vector: Float32Array };
      const byVector = await storage.similaritySearch(vector, { topK: 20 });
      assertEqual(
        await storage.similaritySearch({ id }, { topK: 20 }),
        byVector,
        "the results by key",
      );
      assertEqual(byVector[0]?.id, id, "the best result");
      assertEqual(byVector[0]?.score, 1, "its score");
    },
  },
  {
    name: "an empty storage gives an empty list",
    run: async (c) => {
      const storage = await c.vector(chunks);
      assertEqual(await storage.similaritySearch(new Float32Array([1, 0, 0])), []);
      await storage.put(chunk("a", [1, 0, 0]));
      await storage.deleteAll();
      assertEqual(
        await storage.similaritySearch(new Float32Array([1, 0, 0]), { filter: { a: 1 } }),
        [],
      );
    },
  },
  {
    name: "emits similaritySearch with the query and the results",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0]));
      const heard: unknown[] = [];
      storage.on("similaritySearch", (...args) => void heard.push(args));
      const query = new Float32Array([1, 0, 0]);
      const results = await storage.similaritySearch(query);
      const waiting = storage.waitOn("similaritySearch");
      await storage.similaritySearch({ id: "a" });
      assertEqual(
        heard,
        [
          [query, results],
          [{ id: "a" }, results],
        ],
        "the events",
      );
      assertEqual(await waiting, [{ id: "a" }, results], "what waitOn resolves to");
    },
  },
  {
    name: "results are copies",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0], { text: "t" }));
      const query = new Float32Array([1, 0, 0]);
      const [found] = await storage.similaritySearch(query);
      (found?.vector as Float32Array)[0] = -9;
      (found?.metadata as TestRow).text = "spoilt";
      assertEqual(await storage.similaritySearch(query), [
        { ...chunk("a", [1, 0, 0], { text: "t" }), score: 1 },
      ]);
    },
  },
];
