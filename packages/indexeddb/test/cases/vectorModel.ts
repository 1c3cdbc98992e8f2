import { type Chunk, chunkSchema } from "@workglow/conformance";
import type { IndexedDbDatabase } from "@workglow/indexeddb";
import { InMemoryVectorStorage } from "@workglow/storage";
import fc from "fast-check";
import { expect, it } from "vitest";
import { again, type Chunks, chunkStorage, chunks, logOf, newDatabase } from "./vectorKit.ts";

/** So many that a bulk that is replaced a few times makes the log worth writing anew. */
const DIMENSIONS = 256;
/** First many large writes, then many small ones. */
const STEPS_WITH_BULKS = 130;
const STEPS_OF_BULK = 10;

const id = fc.integer({ min: 0, max: 300 }).map((number) => `${number}`.padStart(3, "0"));

/** Few directions, so that scores tie, stretched to the dimensions. */
const vector = fc
  .tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }))
  .map(([x, y]) =>
    Float32Array.from({ length: DIMENSIONS }, (_, at) => (at % 2 === 0 ? x : y) + (at % 7) / 16),
  );

const row: fc.Arbitrary<Chunk> = fc.record({
  id,
  vector,
  metadata: fc.record({ group: fc.integer({ min: 0, max: 3 }) }),
});

const criteria = fc.record({ operator: fc.constantFrom("<" as const, ">=" as const), value: id });

type Step = (storage: Chunks) => Promise<unknown>;

/** Replaces nearly all rows there are. */
const bulk =
  (number: number): Step =>
  (s) =>
    s.putBulk(
      Array.from({ length: 280 }, (_, at) => ({
        id: `${at}`.padStart(3, "0"),
        vector: Float32Array.from({ length: DIMENSIONS }, (_, place) =>
          place % 9 === 0 ? at : 1 + ((number * place) % 5),
        ),
        metadata: { group: (number + at) % 4 },
      })),
    );

const small: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: row.map(
      (given): Step =>
        (s) =>
          s.put(given),
    ),
  },
  {
    weight: 3,
    arbitrary: id.map(
      (given): Step =>
        (s) =>
          s.delete({ id: given }),
    ),
  },
  {
    weight: 3,
    arbitrary: row.map(
      (given): Step =>
        (s) =>
          s.insert(given, { onConflict: "ignore" }),
    ),
  },
  {
    weight: 2,
    arbitrary: row.map(
      ({ id, ...patch }): Step =>
        (s) =>
          s.update({ id }, patch),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(row, { maxLength: 8 }).map(
      (rows): Step =>
        (s) =>
          Promise.all(rows.map((one) => s.put(one))),
    ),
  },
);

const committed: fc.Arbitrary<Step> = fc.tuple(small, small).map(
  ([first, second]): Step =>
    (s) =>
      s.transaction(async (tx) => {
        await first(tx);
        await second(tx);
      }),
);

const abandoned: fc.Arbitrary<Step> = fc.tuple(small, small).map(
  ([kept, undone]): Step =>
    (s) =>
      s.transaction(async (tx) => {
        await kept(tx);
        await tx
          .transaction(async (savepoint) => {
            await undone(savepoint);
            throw new Error("abandoned");
          })
          .catch(() => undefined);
      }),
);

const step = fc.record({
  /** Which of two connections does it. */
  by: fc.integer({ min: 0, max: 1 }),
  write: fc.oneof(
    { weight: 400, arbitrary: small },
    { weight: 12, arbitrary: committed },
    { weight: 12, arbitrary: abandoned },
    {
      weight: 1,
      arbitrary: criteria.map(
        (given): Step =>
          (s) =>
            s.deleteSearch({ id: given }),
      ),
    },
    { weight: 1, arbitrary: fc.constant<Step>((s) => s.deleteAll()) },
  ),
  search: fc.option(
    fc.record({
      by: fc.integer({ min: 0, max: 1 }),
      query: vector,
      topK: fc.integer({ min: 1, max: 20 }),
      filter: fc.option(fc.record({ group: fc.integer({ min: 0, max: 3 }) }), { nil: undefined }),
    }),
    { nil: undefined, freq: 3 },
  ),
});

async function noteTidying(
  database: IndexedDbDatabase,
  tidied: { merged: number; rewritten: number },
): Promise<void> {
  for (const { replaces, cut, keys } of await logOf(database)) {
    if (replaces !== undefined) tidied.merged++;
    if (cut === true && keys.length > 0) tidied.rewritten++;
  }
}

it("two connections find what memory finds, whatever both write and whoever tidies up", async () => {
  const tidied = { merged: 0, rewritten: 0 };
  const steps = fc.array(step, { minLength: 430, maxLength: 450 });
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const database = newDatabase();
      const connections = [database, again(database)];
      const storages = [
        await chunkStorage(database, { dimensions: DIMENSIONS }),
        chunks(connections[1] as typeof database, { dimensions: DIMENSIONS }),
      ] as const;
      const memory = new InMemoryVectorStorage(chunkSchema, ["id"] as const, [], DIMENSIONS);
      for (const [at, { by, write, search }] of given.entries()) {
        if (at % STEPS_OF_BULK === 0) await noteTidying(database, tidied);
        if (at % STEPS_OF_BULK === 0 && at < STEPS_WITH_BULKS) {
          for (const storage of [storages[by], memory]) await bulk(at)(storage as Chunks);
        }
        await write(storages[by] as Chunks);
        await write(memory as unknown as Chunks);
        if (search === undefined) continue;
        const { query, by: reader, ...rest } = search;
        const options = { ...rest, filter: rest.filter ?? {} };
        const expected = memory.similaritySearch(query, options);
        const beside = storages[1 - reader]?.similaritySearch(query, options);
        expect(await storages[reader]?.similaritySearch(query, options)).toEqual(await expected);
        expect(await beside).toEqual(await expected);
      }
      for (const connection of connections) connection.close();
    }),
    { numRuns: 3, endOnFailure: true },
  );
  expect(tidied.merged).toBeGreaterThan(0);
  expect(tidied.rewritten).toBeGreaterThan(0);
}, 120_000);
