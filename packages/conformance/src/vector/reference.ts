import { byCodePoint } from "../collect.ts";
import type { TestRow } from "../harness.ts";

/** The cosine of two vectors in float64, scaled so that no square overflows or vanishes. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [left, right] = [scaled(a), scaled(b)];
  let dot = 0;
  for (let i = 0; i < left.length; i++) dot += (left[i] as number) * (right[i] as number);
  const score = dot / (norm(left) * norm(right));
  return Math.round(Math.max(-1, Math.min(1, score)) * 1e12) / 1e12;
}

function scaled(vector: ArrayLike<number>): readonly number[] {
  const components = Array.from(vector);
  const largest = Math.max(...components.map(Math.abs));
  return components.map((component) => component / largest);
}

const norm = (vector: readonly number[]): number =>
  Math.sqrt(vector.reduce((sum, component) => sum + component * component, 0));

export interface Ranked {
  readonly id: string;
  readonly score: number;
}

/** All rows by similarity, best first, ties by id: the obvious way. */
export function ranking(rows: readonly TestRow[], query: ArrayLike<number>): Ranked[] {
  return rows
    .map(({ id, vector }) => ({
      id: id as string,
      score: cosine(query, vector as ArrayLike<number>),
    }))
    .sort((a, b) => b.score - a.score || byCodePoint(a.id, b.id));
}
