/** Turns a text into a vector of `dimensions` components. Any model can stand here. */
export interface Embedder {
  readonly dimensions: number;
  /** Named in the index, so that vectors of two embedders are never mixed. */
  readonly name: string;
  embed(text: string): Float32Array | Promise<Float32Array>;
}

const DIMENSIONS = 512;
const WORD = /[\p{L}\p{N}]+/gu;

/** Words that tell nothing about what a text is about. */
const STOP_WORDS = new Set(
  (
    "a an and any are as at be been but by can do does for from had has have how i if in into is it " +
    "its may more most no not of on one only or other our out over same so some such than that the " +
    "their them then there these they this those to under up use used was we were what when where " +
    "which while who will with would you your"
  ).split(" "),
);

/**
 * A deterministic embedder that needs no model: words, their stems and pairs of neighbours are
 * hashed into signed buckets (feature hashing, Weinberger et al. 2009), damped by the square root
 * of their count, and scaled to length 1.
 */
export const hashingEmbedder: Embedder = {
  dimensions: DIMENSIONS,
  name: "feature-hashing-1",
  embed(text) {
    const vector = new Float32Array(DIMENSIONS);
    for (const [feature, weight] of features(text)) {
      const hash = fnv1a(feature);
      const sign = hash & 0x80000000 ? -1 : 1;
      const bucket = (hash & 0x7fffffff) % DIMENSIONS;
      vector[bucket] = (vector[bucket] as number) + sign * weight;
    }
    return normalised(vector);
  },
};

/** A word that tells what a text is about: its stem, and where it stands. */
export interface ContentWord {
  readonly stem: string;
  readonly start: number;
  readonly end: number;
}

/** The words by which the embedder knows a text, in their order. */
export function* contentWords(text: string): Generator<ContentWord> {
  for (const { index, 0: match } of text.matchAll(WORD)) {
    const word = match.toLowerCase();
    if (!STOP_WORDS.has(word)) {
      yield { stem: stem(word), start: index, end: index + match.length };
    }
  }
}

function features(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (feature: string): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  };
  let previous: string | undefined;
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    if (!STOP_WORDS.has(word)) {
      count(`w:${stem(word)}`);
      if (previous !== undefined) count(`p:${previous} ${word}`);
    }
    previous = word;
  }
  const weights = new Map<string, number>();
  for (const [feature, n] of counts) {
    weights.set(feature, Math.sqrt(n) * (feature.startsWith("w:") ? 1 : 0.5));
  }
  return weights;
}

/** Cuts the commonest English endings, so that forms of a word meet. */
function stem(word: string): string {
  if (word.length <= 3) return word;
  return word.replace(/(?:ies|ing|ed|es|s)$/u, "");
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  // The avalanche of MurmurHash3, since FNV's low bits alone are weak.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function normalised(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const component of vector) sum += component * component;
  if (sum === 0) {
    // A text without words still needs a direction: a vector of length 0 has no similarity.
    vector[0] = 1;
    return vector;
  }
  const length = Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}
