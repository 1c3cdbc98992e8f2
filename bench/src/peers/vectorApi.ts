import type { Contender, Operation } from "../measure.ts";
import { topicOf, type VectorRow, vectorQueries, vectorRows } from "../vectors.ts";

/** Searches give the ids of the ten nearest rows, best first; their rows travel without vectors. */
export interface VectorApi {
  fill(rows: readonly VectorRow[]): Promise<unknown>;
  exact(query: Float32Array): Promise<readonly string[]>;
  hnsw(query: Float32Array): Promise<readonly string[]>;
  /** Exact, among the rows of a topic: 1 % of them. */
  filtered(query: Float32Array, topic: string): Promise<readonly string[]>;
  close(): Promise<unknown>;
}

const ROWS = 20_000;
const EXACT_QUERIES = 20;
const QUERIES = 300;
/** Of the ten truly nearest, how many an approximate search must find on average. */
const LEAST_RECALL = 0.9;

/** Made once for all contenders. */
export const twentyThousand = (): readonly VectorRow[] => vectorRows(ROWS);

const queries = vectorQueries(QUERIES);

export async function vectorContender(
  name: string,
  api: VectorApi,
  rows: readonly VectorRow[],
): Promise<Contender> {
  await api.fill(rows);
  await assertAnswers(name, api);
  const searches = (count: number, one: (query: Float32Array, n: number) => Promise<unknown>) => {
    const run: Operation["run"] = async () => {
      for (let n = 0; n < count; n++) await one(queries[n] as Float32Array, n);
      return count;
    };
    return { run };
  };
  return {
    name,
    operations: {
      "exact, 10 of 20,000": searches(EXACT_QUERIES, (query) => api.exact(query)),
      "HNSW, 10 of 20,000": searches(QUERIES, (query) => api.hnsw(query)),
      "filter leaves 1 %": searches(QUERIES, (query, n) => api.filtered(query, topicOf(n + 1))),
    },
    close: async () => {
      await api.close();
    },
  };
}

async function assertAnswers(name: string, api: VectorApi): Promise<void> {
  let found = 0;
  const sample = queries.slice(0, EXACT_QUERIES);
  for (const [n, query] of sample.entries()) {
    const truth = await api.exact(query);
    const approximate = new Set(await api.hnsw(query));
    found += truth.filter((id) => approximate.has(id)).length;
    const filtered = await api.filtered(query, topicOf(n + 1));
    if (truth.length !== 10 || filtered.length !== 10) throw new Error(`${name} found too few`);
  }
  const recall = found / (sample.length * 10);
  if (recall < LEAST_RECALL) throw new Error(`${name}: recall ${recall}`);
}
