import { assert, assertEqual, assertInvalid, assertThrowsInvalid, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import { show } from "../show.ts";
import { QUERY, search } from "./searchOne.ts";
import { chunk, chunks, withDimensions } from "./tables.ts";

export const refusalCases: readonly Case[] = [
  {
    name: "refuses vectors of a wrong dimension, of zeros, NaN or infinities in every writing method, and stores nothing",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const before = chunk("a", [1, 0, 0]);
      await storage.put(before);
      const wrong: readonly (readonly number[])[] = [
        [],
        [1],
        [1, 2],
        [1, 2, 3, 4],
        [0, 0, 0],
        [-0, 0, 0],
        [1, Number.NaN, 0],
        [1, Number.POSITIVE_INFINITY, 0],
        [Number.NEGATIVE_INFINITY, 0, 0],
      ];
      for (const vector of wrong) {
        const what = `the vector ${show(vector)}`;
        await assertInvalid(() => storage.put(chunk("b", vector)), `put of ${what}`);
        await assertInvalid(() => storage.put(chunk("a", vector)), `put of ${what}`);
        await assertInvalid(() => storage.insert(chunk("b", vector)), `insert of ${what}`);
        await assertInvalid(
          () => storage.putBulk([chunk("c", [1, 1, 1]), chunk("b", vector)]),
          `putBulk of ${what}`,
        );
        await assertInvalid(
          () => storage.update({ id: "a" }, { vector: new Float32Array(vector) }),
          `update of ${what}`,
        );
        await assertInvalid(
          () => storage.similaritySearch(new Float32Array(vector)),
          `a search for ${what}`,
        );
      }
      assertEqual(await storage.getAll(), [before], "the rows");
      assertEqual(await search(storage), ["a"], "the rows found");
    },
  },
  {
    name: "refuses vectors of another array type, and queries that are none",
    run: async (c) => {
      const storage = await c.vector(chunks);
      for (const vector of [
        [1, 0, 0],
        "1,0,0",
        null,
        {},
        new Float64Array([1, 0, 0]),
        new Uint8Array([1, 0, 0]),
      ]) {
        await assertInvalid(
          () => storage.put({ ...chunk("a", []), vector }),
          `put of ${show(vector)}`,
        );
      }
      for (const query of [
        [1, 0, 0],
        "1,0,0",
        null,
        undefined,
        5,
        {},
        { id: 5 },
        { other: "x" },
        new BigInt64Array(3),
      ]) {
        await assertInvalid(
          () => storage.similaritySearch(query as never),
          `a search for ${show(query)}`,
        );
      }
      assertEqual(await storage.size(), 0, "the size");
    },
  },
  {
    name: "refuses the key of no row",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0]));
      const error = await rejection(
        () => storage.similaritySearch({ id: "missing" }),
        "a search by a missing key",
      );
      assert((error as { kind?: unknown }).kind !== undefined, `${show(error)} is no typed error`);
    },
  },
  {
    name: "refuses options that are none",
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0]));
      const name = "StorageInvalidLimitError";
      for (const topK of [
        0,
        -1,
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        "5",
        null,
      ] as number[]) {
        await assertInvalid(
          () => storage.similaritySearch(QUERY, { topK }),
          `topK ${show(topK)}`,
          name,
        );
      }
      for (const offset of [-1, 0.5, Number.NaN, "0", null] as number[]) {
        await assertInvalid(
          () => storage.similaritySearch(QUERY, { offset }),
          `offset ${show(offset)}`,
          name,
        );
      }
      for (const scoreThreshold of [Number.NaN, "0.5", null] as number[]) {
        await assertInvalid(
          () => storage.similaritySearch(QUERY, { scoreThreshold }),
          `scoreThreshold ${show(scoreThreshold)}`,
        );
      }
      for (const select of [["other"], ["constructor"], ["score"], [], "id"] as never[]) {
        await assertInvalid(
          () => storage.similaritySearch(QUERY, { select }),
          `select ${show(select)}`,
        );
      }
    },
  },
  {
    name: "a constructor refuses schemas without a vector and dimensions that are none",
    run: async (c) => {
      const { vector: _, ...withoutVector } = chunks.schema.properties;
      const schema = { ...chunks.schema, properties: withoutVector, required: ["id"] };
      const what = "a schema without a vector";
      assertThrowsInvalid(() => c.constructVector({ ...chunks, schema }), what);
      let message = "";
      try {
        c.constructVector({ ...chunks, schema });
      } catch (error) {
        ({ message } = error as Error);
      }
      const expected = "Schema must have a property with type array and format TypedArray";
      assert(message.includes(expected), `the message is ${show(message)}`);
      for (const dimensions of [0, -1, 1.5, Number.NaN, "3", null, undefined] as number[]) {
        assertThrowsInvalid(
          () => c.constructVector(withDimensions(dimensions)),
          `dimensions ${show(dimensions)}`,
        );
      }
    },
  },
];
