import { PostgresVectorStorage } from "@workglow/postgres";
import { StorageValidationError } from "@workglow/util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";
import { spiedPool } from "./spiedPool.ts";
import { chunkStorage, chunksOn, ids, randomVectors, vec, vectorPlaces } from "./vectorPlaces.ts";

const withVector = servers().all.filter(({ hasVector }) => hasVector);

describe.each(vectorPlaces)("an HNSW index on $title", ({ open }) => {
  it.each([
    { dimensions: 12, rows: 200, of: "vectors" },
    { dimensions: 2001, rows: 40, of: "vectors in half precision" },
  ])(
    "over $of, of $dimensions dimensions, finds what comparing every row finds",
    async ({ dimensions, rows }) => {
      const place = await open();
      const options = { dimensions, index: { type: "hnsw" } } as const;
      const storage = await chunkStorage(place, options);
      const vectors = randomVectors(rows, dimensions, 9);
      await storage.putBulk(
        vectors.map((vector, i) => ({ id: `${i}`, vector, metadata: { i: i % 10 } })),
      );
      let same = 0;
      for (const query of randomVectors(10, dimensions, 10)) {
        const [found, exact] = [
          await storage.similaritySearch(query, { select: ["id"] }),
          await storage.similaritySearch(query, { select: ["id"], exact: true }),
        ];
        same += found.filter(({ id, score }) =>
          exact.some((e) => e.id === id && e.score === score),
        ).length;
      }
      expect(same).toBeGreaterThanOrEqual(95);
      const [{ definition }] = (await place.rows(
        `SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = '${place.schema}.chunks'::regclass AND c.relname LIKE '%hnsw'`,
      )) as [{ definition: string }];
      expect(definition).toContain("m='16', ef_construction='200'");
      expect(definition.includes("halfvec(2001)")).toBe(dimensions > 2000);
    },
  );

  it("is made over the rows that are there, and made anew with other options", async () => {
    const place = await open();
    const storage = await chunkStorage(place);
    await storage.putBulk(randomVectors(50, 2, 1).map((vector, i) => ({ id: `${i}`, vector })));
    const names = async () =>
      (
        await place.rows(
          `SELECT indexname FROM pg_indexes WHERE schemaname = '${place.schema}' AND indexdef LIKE '%hnsw%'`,
        )
      ).map(({ indexname }) => indexname);
    await chunkStorage(place, { index: { type: "hnsw" } });
    const [first, ...others] = await names();
    expect(others).toEqual([]);
    await chunkStorage(place, { index: { type: "hnsw", efSearch: 7 } });
    expect(await names()).toEqual([first]);
    await chunkStorage(place, { index: { type: "hnsw", m: 8 } });
    const [second, ...rest] = await names();
    expect(rest).toEqual([]);
    expect(second).not.toBe(first);
    // A storage that knows of no index leaves it.
    await chunkStorage(place);
    expect(await names()).toEqual([second]);
  });

  it("gives all rows that a filter leaves, and as many as are asked for beyond what it keeps in view", async () => {
    const place = await open();
    const storage = await chunkStorage(place, {
      dimensions: 4,
      index: { type: "hnsw", m: 4, efConstruction: 16 },
    });
    const vectors = randomVectors(1500, 4, 2);
    await storage.putBulk(
      vectors.map((vector, i) => ({
        id: `${i}`.padStart(4, "0"),
        vector,
        metadata: { rare: i % 300 === 1, i },
      })),
    );
    const query = vec(1, 0, 0, 0);
    const rare = await storage.similaritySearch(query, { filter: { rare: true }, select: ["id"] });
    expect(rare).toEqual(
      await storage.similaritySearch(query, {
        filter: { rare: true },
        select: ["id"],
        exact: true,
      }),
    );
    expect(rare).toHaveLength(5);
    for (const topK of [120, 990, 1400, 5000]) {
      const found = await storage.similaritySearch(query, { topK, select: ["id"] });
      expect(found).toHaveLength(Math.min(topK, 1500));
      expect(new Set(ids(found)).size).toBe(found.length);
    }
    const page = await storage.similaritySearch(query, { topK: 5, offset: 5, select: ["id"] });
    expect(page).toEqual(
      (await storage.similaritySearch(query, { topK: 10, select: ["id"] })).slice(5),
    );
  });

  it.each(["strict_order", "relaxed_order", "off"] as const)(
    "gives as many rows as are asked for behind a filter, with iterativeScan %s",
    async (iterativeScan) => {
      const place = await open();
      const index = { type: "hnsw", m: 4, efConstruction: 16, efSearch: 1, iterativeScan } as const;
      const storage = await chunkStorage(place, { dimensions: 4, index });
      await storage.putBulk(
        randomVectors(1200, 4, 6).map((vector, i) => ({
          id: `${i}`,
          vector,
          metadata: { bucket: i % 100 },
        })),
      );
      const query = vec(0, 1, 0, 0);
      const filter = { bucket: 42 };
      const found = await storage.similaritySearch(query, { filter, topK: 12, select: ["id"] });
      const exact = { filter, topK: 12, select: ["id"] as const, exact: true };
      expect(found).toEqual(await storage.similaritySearch(query, exact));
      expect(found).toHaveLength(12);
    },
  );

  it("sees the rows of its own transaction", async () => {
    const storage = await chunkStorage(await open(), { index: { type: "hnsw" } });
    await storage.putBulk(randomVectors(60, 2, 7).map((vector, i) => ({ id: `${i}`, vector })));
    const failure = new Error("changed my mind");
    const attempt = storage.transaction(async (tx) => {
      await tx.put({ id: "mine", vector: vec(1, 0) });
      const [best] = await tx.similaritySearch(vec(5, 0));
      expect(best).toMatchObject({ id: "mine", score: 1 });
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect(ids(await storage.similaritySearch(vec(5, 0), { topK: 60 }))).not.toContain("mine");
  });

  it("refuses what pgvector does not take", async () => {
    const place = await open();
    const refused = [
      { type: "ivfflat" },
      { type: "hnsw", m: 1 },
      { type: "hnsw", m: 101, efConstruction: 300 },
      { type: "hnsw", m: 40, efConstruction: 79 },
      { type: "hnsw", efConstruction: 1001 },
      { type: "hnsw", efSearch: 0 },
      { type: "hnsw", efSearch: 1.5 },
      { type: "hnsw", iterativeScan: "on" },
      "hnsw",
      null,
    ];
    for (const index of refused) {
      expect(() => chunksOn(place, { index: index as never })).toThrow(StorageValidationError);
    }
    expect(() => chunksOn(place, { dimensions: 4001, index: { type: "hnsw" } })).toThrow(
      /at most 4000 dimensions/,
    );
    const storage = await chunkStorage(place);
    for (const efSearch of [0, 1001, 2.5, "40"]) {
      const search = storage.similaritySearch(vec(1, 0), { efSearch: efSearch as never });
      await expect(search).rejects.toThrow(StorageValidationError);
    }
  });
});

/** The change feed tells others of what was written before, at its own pace. */
const ofSearches = (texts: readonly string[]): readonly string[] =>
  texts.filter((text) => !text.includes("pg_notify") && !/^(?:SAVEPOINT|RELEASE)/.test(text));

describe.each(withVector)("a search on $title", ({ url }) => {
  it("is one round trip, and leaves the settings of its connection as they were", async () => {
    await using schema = await freshSchema(url);
    const { pool, texts } = spiedPool(url, { max: 1 });
    const storage = await chunkStorage(
      { handle: pool, schema: schema.name },
      { index: { type: "hnsw", efSearch: 55 } },
    );
    await storage.putBulk(
      randomVectors(300, 2, 3).map((vector, i) => ({
        id: `${i}`,
        vector,
        metadata: { even: i % 2 === 0 },
      })),
    );
    await storage.similaritySearch(vec(1, 0));
    const { rows: before } = await pool.query("SHOW hnsw.ef_search");
    const trips = async (options: object) => {
      const sent = texts().length;
      await storage.similaritySearch(vec(1, 1), options);
      return ofSearches(texts().slice(sent)).length;
    };
    expect(await trips({})).toBe(1);
    expect(await trips({ filter: { even: true } })).toBe(1);
    expect(await trips({ exact: true })).toBe(1);
    expect(await trips({ exact: true, filter: { even: true }, offset: 3, select: ["id"] })).toBe(1);
    expect(await trips({ topK: 1 })).toBe(1);
    const { rows: after } = await pool.query("SHOW hnsw.ef_search");
    expect(after).toEqual(before);
    await pool.end();
  });

  it("inside a transaction is one round trip as well", async () => {
    await using schema = await freshSchema(url);
    const { pool, texts } = spiedPool(url, { max: 1 });
    const storage = await chunkStorage({ handle: pool, schema: schema.name });
    await storage.putBulk(randomVectors(200, 2, 3).map((vector, i) => ({ id: `${i}`, vector })));
    await storage.transaction(async (tx) => {
      await tx.similaritySearch(vec(1, 1));
      const sent = texts().length;
      await tx.similaritySearch(vec(1, 0));
      expect(ofSearches(texts().slice(sent))).toHaveLength(1);
    });
    await pool.end();
  });
});

describe.each(withVector)("more than 2000 dimensions on $title", ({ url }) => {
  it("are searched by an index in half precision, and scored as they are", async () => {
    await using schema = await freshSchema(url);
    const { pool, sent } = spiedPool(url, { max: 1, options: "-c enable_seqscan=off" });
    const options = { dimensions: 2001, index: { type: "hnsw", efSearch: 200 } } as const;
    const storage = await chunkStorage({ handle: pool, schema: schema.name }, options);
    const vectors = randomVectors(300, 2001, 21);
    await storage.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
    const [query] = randomVectors(1, 2001, 22) as [Float32Array];
    const found = await storage.similaritySearch(query);
    const { text, values } = lastSearch(sent);
    const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    const plan = rows[0]["QUERY PLAN"][0].Plan as PlanNode;
    expect(nodesOf(plan).some((node) => node["Index Name"]?.endsWith("_hnsw"))).toBe(true);
    expect(found).toEqual(await storage.similaritySearch(query, { exact: true }));
    await pool.end();
  });
});

interface Sent {
  readonly text: string;
  readonly values?: unknown[];
}

/** Other storages of the pool, such as the change feed, may send something at any time. */
const lastSearch = (sent: readonly Sent[]): Sent =>
  sent.findLast(({ text }) => text?.includes("unit_vector")) as Sent;

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (node: PlanNode): readonly PlanNode[] => [
  node,
  ...(node.Plans ?? []).flatMap(nodesOf),
];

/** How many rows of the table were read, kept or not. */
const rowsRead = (plan: PlanNode): number =>
  nodesOf(plan)
    .filter((node) => node["Relation Name"] !== undefined)
    .reduce(
      (sum, node) =>
        sum + (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"],
      0,
    );

describe.each(withVector)("at 200,000 rows on $title", ({ url }) => {
  const ROWS = 200_000;
  const DIMENSIONS = 4;
  const schema = {
    type: "object",
    properties: {
      id: { type: "integer" },
      topic: { type: "string" },
      vector: { type: "array", format: "TypedArray:Float32Array" },
    },
    required: ["id", "topic", "vector"],
    additionalProperties: false,
  } as const;
  const index = { type: "hnsw", m: 6, efConstruction: 24 } as const;
  const vectors = randomVectors(ROWS, DIMENSIONS, 12);
  const queries = randomVectors(20, DIMENSIONS, 13);
  let place: Fresh;
  let pool: pg.Pool;
  let sent: Sent[];
  let storage: PostgresVectorStorage<typeof schema, readonly ["id"]>;

  beforeAll(async () => {
    place = await freshSchema(url);
    sent = [];
    // The index is built in memory.
    const options = "-c maintenance_work_mem=256MB";
    class Spied extends pg.Client {
      // biome-ignore lint/suspicious/noExplicitAny: one signature for all overloads of the driver's
      public override query(...args: any[]): any {
        sent.push(args[0]);
        return (super.query as (...all: unknown[]) => unknown).apply(this, args);
      }
    }
    pool = new pg.Pool({ connectionString: url, max: 2, options, Client: Spied as never });
    const make = (o: object) =>
      new PostgresVectorStorage(
        pool,
        "many",
        schema,
        ["id"] as const,
        ["topic"],
        DIMENSIONS,
        undefined,
        { schema: place.name, ...o },
      );
    const plain = make({});
    await plain.setupDatabase();
    await plain.putBulk(vectors.map((vector, id) => ({ id, topic: `t${id % 100}`, vector })));
    storage = make({ index });
    await storage.setupDatabase();
    await pool.query(`VACUUM ANALYZE ${place.name}.many`);
  }, 240_000);

  afterAll(async () => {
    await pool?.end();
    await place?.drop();
  });

  async function planOf(query: Float32Array, options: object): Promise<PlanNode> {
    await storage.similaritySearch(query, options);
    const { text, values } = lastSearch(sent);
    const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    return rows[0]["QUERY PLAN"][0].Plan;
  }

  it("a search reads about as many rows by the index as it gives", async () => {
    const plan = await planOf(queries[0] as Float32Array, { select: ["id"] });
    expect(nodesOf(plan).some((node) => node["Index Name"]?.endsWith("_hnsw"))).toBe(true);
    expect(rowsRead(plan)).toBeLessThanOrEqual(16);
    const more = await planOf(queries[0] as Float32Array, { topK: 100, select: ["id"] });
    expect(rowsRead(more)).toBeLessThanOrEqual(128);
  });

  it("an exact search does not follow the index", async () => {
    const plan = await planOf(queries[0] as Float32Array, { exact: true });
    expect(nodesOf(plan).some((node) => node["Index Name"]?.endsWith("_hnsw"))).toBe(false);
  });

  it("an exact search reads those rows that a filter on an indexed column leaves", async () => {
    const plan = await planOf(queries[0] as Float32Array, { exact: true, filter: { topic: "t5" } });
    expect(rowsRead(plan)).toBeLessThanOrEqual(ROWS / 100);
  });

  it("a filter that leaves one row in a hundred gives as many as are asked for, exactly the best when told so", async () => {
    const rows = vectors.map((vector, id) => ({ id, vector })).filter(({ id }) => id % 100 === 7);
    const cosine = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, x, i) => sum + x * (b[i] as number), 0) / Math.hypot(...a) / Math.hypot(...b);
    let recalled = 0;
    for (const query of queries) {
      const best = rows
        .map(({ id, vector }) => ({ id, score: cosine(query, vector) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10);
      const filter = { topic: "t7" };
      const exact = await storage.similaritySearch(query, { exact: true, filter, select: ["id"] });
      expect(ids(exact)).toEqual(ids(best));
      const found = await storage.similaritySearch(query, { filter, select: ["id"] });
      expect(found).toHaveLength(10);
      recalled += found.filter(({ id }) => best.some((b) => b.id === id)).length;
    }
    expect(recalled / (10 * queries.length)).toBeGreaterThan(0.9);
  });

  it("finds nearly all of the best, and more of them the more rows are kept in view", async () => {
    const recall = async (efSearch: number) => {
      let found = 0;
      for (const query of queries) {
        const exact = new Set(
          ids(await storage.similaritySearch(query, { exact: true, select: ["id"] })),
        );
        const near = await storage.similaritySearch(query, { efSearch, select: ["id"] });
        found += near.filter(({ id }) => exact.has(id)).length;
      }
      return found / (10 * queries.length);
    };
    const [least, usual, most] = [await recall(1), await recall(100), await recall(800)];
    expect(usual).toBeGreaterThan(0.9);
    expect(most).toBeGreaterThanOrEqual(usual);
    expect(usual).toBeGreaterThanOrEqual(least);
    expect(most).toBeGreaterThan(0.99);
  });
});
