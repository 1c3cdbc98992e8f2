import type { Chunk } from "@workglow/conformance";

/** Code-point order, written down once more, as the storages' own is what is tested. */
export function compareByCodePoint(a: string, b: string): number {
  const left = Array.from(a, (c) => c.codePointAt(0) as number);
  const right = Array.from(b, (c) => c.codePointAt(0) as number);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return (left[at] as number) - (right[at] as number);
  }
  return left.length - right.length;
}

/** Brute force in float64: every row's cosine, rounded to 1e-12, sorted by score and key. */
export function bruteForce(
  chunks: readonly Chunk[],
  query: ArrayLike<number>,
  options: {
    readonly topK?: number;
    readonly offset?: number;
    readonly scoreThreshold?: number;
  } = {},
): { readonly id: string; readonly score: number }[] {
  const { topK = 10, offset = 0, scoreThreshold = Number.NEGATIVE_INFINITY } = options;
  const length = (vector: ArrayLike<number>) => Math.sqrt(dot(vector, vector));
  return chunks
    .map(({ id, vector }) => {
      const cosine = dot(query, vector) / (length(query) * length(vector));
      return { id, score: Math.round(cosine * 1e12) / 1e12 + 0 };
    })
    .sort((a, b) => b.score - a.score || compareByCodePoint(a.id, b.id))
    .slice(offset, offset + topK)
    .filter(({ score }) => score >= scoreThreshold);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
