import type { SearchCriteria } from "@workglow/storage";
import { not, or } from "@workglow/storage";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import fc from "fast-check";

/** A text with a vector and metadata of no declared fields. */
export const chunkSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    metadata: { type: "object", format: "metadata" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

export type Metadata = Record<string, unknown>;
export interface Chunk {
  readonly id: string;
  readonly vector: Float32Array;
  readonly metadata?: Metadata;
}

// ——— vectors

const component = fc.double({ min: -1, max: 1, noNaN: true });

/** Vectors with no direction lost to float32: longer than 1e-3. */
export const vectorOf = (dimensions: number): fc.Arbitrary<Float32Array> =>
  fc
    .array(component, { minLength: dimensions, maxLength: dimensions })
    .map((components) => Float32Array.from(components))
    .filter((vector) => Math.hypot(...vector) > 1e-3);

/** Vectors that are hard to tell apart: a few directions, each with copies that hardly differ. */
export const clusteredVectors = (dimensions: number): fc.Arbitrary<Float32Array[]> =>
  fc
    .tuple(
      fc.array(vectorOf(dimensions), { minLength: 1, maxLength: 4 }),
      fc.array(
        fc.record({
          cluster: fc.nat(3),
          at: fc.nat(dimensions - 1),
          shift: fc.constantFrom(0, 2 ** -24, 2 ** -23, 1e-6, -1e-6, 1e-5, 1e-3),
          scale: fc.constantFrom(1, 0.5, 3, 1000),
        }),
        { maxLength: 40 },
      ),
    )
    .map(([directions, copies]) =>
      copies.map(({ cluster, at, shift, scale }) => {
        const vector = (directions[cluster % directions.length] as Float32Array).slice();
        vector[at] = (vector[at] as number) * (1 + shift);
        return vector.map((x) => x * scale);
      }),
    );

/** Chunks under distinct ids, among them some that UTF-16 puts into another order. */
export function chunksOf(
  vectors: readonly Float32Array[],
  metadata: readonly Metadata[] = [],
): Chunk[] {
  const marks = ["", "\u{1F600}", "\uFF61", "é", "Z", "a"];
  return vectors.map((vector, at) => ({
    id: `${marks[at % marks.length]}${at}`,
    vector,
    ...(metadata[at] !== undefined && { metadata: metadata[at] }),
  }));
}

// ——— metadata and filters on it

const names = ["kind", "n", "author", 'a"b', "a.b", "$", "[0]", "x\\y", "", "constructor", "é"];
const texts = ["", "a", "ab", "b", "\u{1F600}", "\uFF61", "5", "true", "null", "it's"];
// The largest would be an integer of other digits, were its JSON read as one.
const numbers = [0, 1, -1, 5, 0.1, 0.30000000000000004, 1e21, -1.5e-7, 2 ** 63 - 1024];

const name = fc.constantFrom(...names);
const scalar = fc.oneof(
  fc.constantFrom<string | number | boolean | null>(...texts, ...numbers, true, false, null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

export const metadataValue: fc.Arbitrary<Metadata> = fc.dictionary(
  name,
  fc.oneof(
    { weight: 6, arbitrary: scalar },
    { weight: 2, arbitrary: fc.dictionary(name, scalar, { maxKeys: 4 }) },
    { weight: 1, arbitrary: fc.array(scalar, { maxLength: 2 }) },
  ),
  { maxKeys: 6 },
);

const condition = fc.oneof(
  fc.record({ operator: fc.constantFrom("=", "!="), value: scalar }),
  fc.record({
    operator: fc.constantFrom("<", "<=", ">", ">="),
    value: scalar.filter((value) => value !== null),
  }),
  fc.record({
    operator: fc.constantFrom("in", "not-in"),
    value: fc.array(scalar, { maxLength: 4 }),
  }),
  fc.record({ operator: fc.constant("prefix"), value: fc.constantFrom(...texts) }),
);

const field = fc.oneof(
  scalar,
  condition,
  fc.array(condition, { minLength: 1, maxLength: 3 }),
  fc.dictionary(name, fc.oneof(scalar, condition), { minKeys: 1, maxKeys: 2 }),
);

export const metadataFilter: fc.Arbitrary<SearchCriteria<Metadata>> = fc.letrec<{
  filter: SearchCriteria<Metadata>;
}>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.dictionary(name, field, { minKeys: 1, maxKeys: 3 }) as fc.Arbitrary<
      SearchCriteria<Metadata>
    >,
    fc.array(tie("filter"), { minLength: 1, maxLength: 3 }).map((parts) => or(...parts)),
    tie("filter").map((inner) => not(inner)),
  ),
})).filter;
