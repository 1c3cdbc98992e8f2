import type { TypedArray } from "@workglow/util/schema";

const SCORE_STEPS = 1e12;

// Sums of squares outside these bounds may have lost digits to overflow or underflow.
const LEAST_SQUARE = 1e-200;
const GREATEST_SQUARE = 1e200;

/** A direction to compare vectors with: the components of a vector, and their length. */
export interface Direction {
  readonly components: Float64Array;
  readonly length: number;
}

/** The direction of a vector that is not zero, whatever the scale of its components. */
export function directionOf(vector: TypedArray): Direction {
  const components = new Float64Array(vector as ArrayLike<number>);
  const square = sumOfSquares(vector);
  if (isExact(square)) return { components, length: Math.sqrt(square) };
  scaleToOne(components);
  return { components, length: Math.sqrt(sumOfSquares(components)) };
}

/**
 * Cosine similarity in [-1, 1], computed in float64 and rounded to 1e-12: the one score by which
 * every backend ranks. NaN for a vector that no storage of ours has written: zero, of another
 * length, or with components that are no numbers.
 */
export function cosineSimilarity(query: Direction, vector: TypedArray): number {
  if (vector.length !== query.components.length) return Number.NaN;
  const square = sumOfSquares(vector);
  if (isExact(square)) return cosine(query, vector, Math.sqrt(square));
  const { components, length } = directionOf(vector);
  return cosine(query, components, length);
}

/**
 * Writes a vector, scaled to length 1, into `target` from position `at` on.
 *
 * @returns whether it has a direction; without one nothing of use has been written
 */
export function writeUnitVector(vector: TypedArray, target: Float32Array, at: number): boolean {
  const square = sumOfSquares(vector);
  if (!isExact(square)) {
    const { components, length } = directionOf(vector);
    target.set(
      components.map((component) => component / length),
      at,
    );
    return length > 0 && length < Number.POSITIVE_INFINITY;
  }
  const scale = 1 / Math.sqrt(square);
  for (let index = 0; index < vector.length; index++) {
    target[at + index] = (vector[index] as number) * scale;
  }
  return true;
}

function cosine(query: Direction, vector: TypedArray, length: number): number {
  const { components } = query;
  let dot = 0;
  for (let index = 0; index < components.length; index++) {
    dot += (components[index] as number) * (vector[index] as number);
  }
  const rounded = Math.round((dot / (query.length * length)) * SCORE_STEPS) / SCORE_STEPS;
  // Adding zero turns -0 into 0.
  return Math.max(-1, Math.min(1, rounded)) + 0;
}

function isExact(square: number): boolean {
  return square >= LEAST_SQUARE && square <= GREATEST_SQUARE;
}

function sumOfSquares(vector: TypedArray): number {
  let square = 0;
  for (let index = 0; index < vector.length; index++) {
    const component = vector[index] as number;
    square += component * component;
  }
  return square;
}

/** Multiplies by a power of two, which changes no digit, so that the largest is about 1. */
function scaleToOne(components: Float64Array): void {
  let largest = 0;
  for (const component of components) largest = Math.max(largest, Math.abs(component));
  const exponent = -Math.floor(Math.log2(largest));
  // 2 ** 1074 is infinite: the smallest numbers are scaled in two steps.
  const half = Math.trunc(exponent / 2);
  for (let index = 0; index < components.length; index++) {
    components[index] = (components[index] as number) * 2 ** half * 2 ** (exponent - half);
  }
}
