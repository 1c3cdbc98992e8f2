import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosineSimilarity, directionOf } from "../src/vector/cosine.ts";

const cosineOf = (a: Float64Array, b: Float64Array) => cosineSimilarity(directionOf(a), b);

const components = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});
const pairOfVectors = fc
  .tuple(components, components)
  .map(([a, b]) => {
    const length = Math.min(a.length, b.length);
    return [Float64Array.from(a.slice(0, length)), Float64Array.from(b.slice(0, length))] as const;
  })
  .filter(([a, b]) => a.some((x) => Math.abs(x) > 1e-6) && b.some((x) => Math.abs(x) > 1e-6));

describe("cosineSimilarity", () => {
  it("is 1 for the same direction, -1 for the opposite, 0 for a right angle", () => {
    expect(cosineOf(Float64Array.of(1, 2), Float64Array.of(2, 4))).toBe(1);
    expect(cosineOf(Float64Array.of(1, 2), Float64Array.of(-3, -6))).toBe(-1);
    expect(cosineOf(Float64Array.of(1, 0), Float64Array.of(0, -5))).toBe(0);
  });

  it("agrees with the textbook formula", () => {
    fc.assert(
      fc.property(pairOfVectors, ([a, b]) => {
        const dot = a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
        const expected = dot / (Math.hypot(...a) * Math.hypot(...b));
        expect(Math.abs(cosineOf(a, b) - expected)).toBeLessThanOrEqual(1.5e-12);
      }),
    );
  });

  it("stays within [-1, 1] and gives no negative zero", () => {
    fc.assert(
      fc.property(pairOfVectors, ([a, b]) => {
        const score = cosineOf(a, b);
        expect(Math.abs(score)).toBeLessThanOrEqual(1);
        expect(Object.is(score, -0)).toBe(false);
      }),
    );
  });

  it.each([1e-320, 1e-200, 1e-100, 1e-22, 1e20, 1e154, 1e300])(
    "does not depend on the scale of either vector (%s)",
    (scale) => {
      const a = Float64Array.of(3, -1, 0.5);
      const b = Float64Array.of(1, 4, -2);
      const scaled = b.map((x) => x * scale);
      // The smallest numbers have few digits, so the scaled vector itself is another one.
      const digits = scale < 1e-300 ? 2 : 11;
      expect(cosineOf(a, scaled)).toBeCloseTo(cosineOf(a, b), digits);
      expect(cosineOf(scaled, a)).toBeCloseTo(cosineOf(b, a), digits);
      expect(cosineOf(scaled, scaled)).toBe(1);
    },
  );

  it("is NaN for what no storage writes: a zero vector, another length, no numbers", () => {
    const query = directionOf(Float32Array.of(1, 2));
    expect(cosineSimilarity(query, Float32Array.of(0, 0))).toBeNaN();
    expect(cosineSimilarity(query, Float32Array.of(1))).toBeNaN();
    expect(cosineSimilarity(query, Float32Array.of(Number.NaN, 1))).toBeNaN();
    expect(cosineSimilarity(query, Float32Array.of(Number.POSITIVE_INFINITY, 1))).toBeNaN();
  });
});
