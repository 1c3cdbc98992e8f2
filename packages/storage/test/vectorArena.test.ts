import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosineSimilarity, directionOf } from "../src/vector/cosine.ts";
import { VectorArena } from "../src/vector/VectorArena.ts";

type Item = { readonly id: number; readonly vector: Float32Array };

const vectorOf = (dimensions: number) =>
  fc
    .array(fc.integer({ min: -3, max: 3 }), { minLength: dimensions, maxLength: dimensions })
    .filter((components) => components.some((x) => x !== 0))
    .map((components) => Float32Array.from(components));

/** Ids of all items whose score is at least the `count`-th best. */
function bestIds(items: readonly Item[], query: Float32Array, count: number): number[] {
  const direction = directionOf(query);
  const scored = items.map((item) => ({
    id: item.id,
    score: cosineSimilarity(direction, item.vector),
  }));
  scored.sort((a, b) => b.score - a.score);
  const least = scored[Math.min(count, scored.length) - 1]?.score ?? 1;
  return scored.filter(({ score }) => score >= least).map(({ id }) => id);
}

describe("VectorArena", () => {
  it("nominates everything that can be among the best, ties included", () => {
    const cases = fc.integer({ min: 1, max: 9 }).chain((dimensions) =>
      fc.record({
        query: vectorOf(dimensions),
        vectors: fc.array(vectorOf(dimensions), { maxLength: 60 }),
        count: fc.integer({ min: 1, max: 80 }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ query, vectors, count }) => {
        const arena = new VectorArena<Item>(query.length);
        const items = vectors.map((vector, id) => ({ id, vector }));
        for (const item of items) arena.add(item, item.vector);
        const nominated = new Set(arena.nominate(query, count).map(({ id }) => id));
        for (const id of bestIds(items, query, count)) expect(nominated).toContain(id);
      }),
    );
  });

  it("nominates few more than asked for", () => {
    const arena = new VectorArena<Item>(3);
    for (let id = 0; id < 1000; id++) {
      const vector = Float32Array.of(1, id / 1000, 0.5);
      arena.add({ id, vector }, vector);
    }
    expect(arena.nominate(Float32Array.of(1, 0, 0.5), 10)).toHaveLength(10);
  });

  it("follows any course of additions and removals", () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: vectorOf(3) }),
        fc.record({ remove: fc.nat() }),
        fc.record({ clear: fc.constant(true) }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, vectorOf(3), (course, query) => {
        const arena = new VectorArena<Item>(3);
        let items: Item[] = [];
        for (const [id, step] of course.entries()) {
          if ("add" in step) {
            const item = { id, vector: step.add };
            items.push(item);
            arena.add(item, step.add);
          } else if ("remove" in step) {
            const [item] = items.splice(step.remove % Math.max(1, items.length), 1);
            if (item !== undefined) arena.delete(item);
          } else {
            items = [];
            arena.clear();
          }
        }
        expect(arena.size).toBe(items.length);
        const nominated = arena.nominate(query, 5).map(({ id }) => id);
        expect(new Set(nominated).size).toBe(nominated.length);
        for (const id of nominated) expect(items.map((item) => item.id)).toContain(id);
        for (const id of bestIds(items, query, 5)) expect(nominated).toContain(id);
      }),
    );
  });

  it("looks among some items only, when told to", () => {
    const arena = new VectorArena<string>(2);
    arena.add("near", Float32Array.of(1, 0));
    arena.add("far", Float32Array.of(-1, 0));
    arena.add("aside", Float32Array.of(0, 1));
    expect(arena.nominate(Float32Array.of(1, 0), 1, ["far", "aside"])).toEqual(["aside"]);
    expect(arena.nominate(Float32Array.of(1, 0), 1, [])).toEqual([]);
  });

  it("gives the unit vectors that it holds, to be added elsewhere as they are", () => {
    const arena = new VectorArena<string>(2);
    arena.add("gone", Float32Array.of(1, 0));
    arena.add("kept", Float32Array.of(3, 4));
    arena.delete("gone");
    const units = new Float32Array(4);
    expect(arena.writeUnit("gone", units, 0)).toBe(false);
    expect(arena.writeUnit("kept", units, 2)).toBe(true);
    expect([...units]).toEqual([0, 0, Math.fround(0.6), Math.fround(0.8)]);
    const other = new VectorArena<string>(2);
    other.add("aside", Float32Array.of(4, -3));
    other.addUnit("kept", units, 2);
    expect(other.nominate(Float32Array.of(3, 4), 1)).toEqual(["kept"]);
  });

  it("keeps directions of vectors of any scale apart", () => {
    const arena = new VectorArena<string>(2);
    arena.add("huge", Float64Array.of(1e200, 1e200));
    arena.add("tiny", Float64Array.of(1e-300, 0));
    expect(arena.nominate(Float32Array.of(1, 1), 1)).toEqual(["huge"]);
    expect(arena.nominate(Float64Array.of(1e-250, 0), 1)).toEqual(["tiny"]);
  });
});
