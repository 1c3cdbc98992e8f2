import type { Contender, Operation } from "../src/measure.ts";
import { topicOf, type VectorRow, vectorQueries } from "../src/vectors.ts";

export interface Nearest {
  readonly id: string;
  readonly score: number;
}

/** Searches give the ten nearest rows, best first, by the cosine; without their vectors. */
export interface BrowserVectors {
  /** All or none, resolved when the transaction is complete. */
  fill(rows: readonly VectorRow[]): Promise<unknown>;
  search(query: Float32Array): Promise<readonly Nearest[]>;
  /** Among the rows of a topic: 1 % of them. */
  filtered(query: Float32Array, topic: string): Promise<readonly Nearest[]>;
  /** Forgets what is in memory, and opens the database again. */
  reopen(): Promise<unknown>;
  /** Closes it and deletes its database. */
  close(): Promise<unknown>;
}

const ROWS_A_PUT = 1_000;
const SEARCHES = 50;
const queries = vectorQueries(SEARCHES);
/** The cosine, in float64, of vectors of float32. */
const TOLERANCE = 1e-6;

export async function vectorContender(
  name: string,
  vectors: BrowserVectors,
  rows: readonly VectorRow[],
): Promise<Contender> {
  for (let at = 0; at < rows.length; at += ROWS_A_PUT) {
    await vectors.fill(rows.slice(at, at + ROWS_A_PUT));
  }
  await assertNearest(name, vectors, rows);
  const searches = (
    one: (query: Float32Array, topic: string) => Promise<readonly Nearest[]>,
  ): Operation => ({
    run: async () => {
      for (const [n, query] of queries.entries()) await one(query, topicOf(n + 1));
      return queries.length;
    },
  });
  return {
    name,
    operations: {
      "put 1,000 in bulk": {
        run: async () => {
          await vectors.fill(rows.slice(0, ROWS_A_PUT));
          return ROWS_A_PUT;
        },
        // The search that follows is not to pay for it.
        finish: () => vectors.search(queries[0] as Float32Array),
      },
      "10 of 10,000": searches((query) => vectors.search(query)),
      "filter leaves 1 %": searches((query, topic) => vectors.filtered(query, topic)),
      "open + first search": {
        run: async () => {
          await vectors.reopen();
          await vectors.search(queries[0] as Float32Array);
          return 1;
        },
      },
    },
    close: async () => {
      await vectors.close();
    },
  };
}

async function assertNearest(
  name: string,
  vectors: BrowserVectors,
  rows: readonly VectorRow[],
): Promise<void> {
  for (const [n, query] of queries.slice(0, 5).entries()) {
    const topic = topicOf(n + 1);
    const ofTopic = rows.filter((row) => row.topic === topic);
    assertSame(name, await vectors.search(query), nearestOf(rows, query));
    assertSame(name, await vectors.filtered(query, topic), nearestOf(ofTopic, query));
  }
}

function assertSame(name: string, given: readonly Nearest[], expected: readonly Nearest[]): void {
  const same =
    given.length === expected.length &&
    expected.every(({ id, score }, at) => {
      const other = given[at] as Nearest;
      return other.id === id && Math.abs(other.score - score) < TOLERANCE;
    });
  if (!same) throw new Error(`${name} found other rows`);
}

function nearestOf(rows: readonly VectorRow[], query: Float32Array): readonly Nearest[] {
  return rows
    .map(({ id, embedding }) => ({ id, score: cosine(embedding, query) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 10);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [product, squaresOfA, squaresOfB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    product += x * y;
    squaresOfA += x * x;
    squaresOfB += y * y;
  }
  return product / Math.sqrt(squaresOfA * squaresOfB);
}
