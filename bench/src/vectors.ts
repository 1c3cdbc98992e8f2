import { numbers } from "./rows.ts";

export interface VectorRow {
  readonly id: string;
  readonly topic: string;
  readonly embedding: Float32Array;
}

export const DIMENSIONS = 384;
const CLUSTERS = 100;
const SPREAD = 0.6;

/** Deterministic, and in clusters, as the vectors of texts are. */
function vectorsAround(centres: readonly Float32Array[], count: number, seed: number) {
  const noise = numbers(count * DIMENSIONS, 2001, seed);
  return Array.from({ length: count }, (_, n) => {
    const centre = centres[n % centres.length] as Float32Array;
    return centre.map(
      (value, d) => value + SPREAD * ((noise[n * DIMENSIONS + d] as number) / 1000 - 1),
    );
  });
}

const centres = vectorsAround([new Float32Array(DIMENSIONS)], CLUSTERS, 5);

/** One of a hundred; 1 % of the rows have it. */
export const topicOf = (n: number): string => `topic ${n % CLUSTERS}`;

export const vectorRows = (count: number): readonly VectorRow[] =>
  vectorsAround(centres, count, 42).map((embedding, n) => ({
    id: `document:${String(n).padStart(6, "0")}`,
    topic: topicOf(n),
    embedding,
  }));

export const vectorQueries = (count: number): readonly Float32Array[] =>
  vectorsAround(centres, count, 7);
