import type { TypedArray } from "@workglow/util/schema";
import { directionOf, writeUnitVector } from "./cosine.ts";
import { LargestNumbers } from "./LargestNumbers.ts";

const FIRST_CAPACITY = 64;

/**
 * How far below the best `count` a row is still nominated. Normalising to float32 shifts a
 * component by 2^-24 of itself, so a score (summed in float64) by at most 6e-8; a kernel that sums
 * in float32 over a few accumulators needs the rest.
 */
const MARGIN = 2e-6;

/**
 * Vectors side by side in one stretch of memory, normalised to length 1 in float32, each with the
 * item that it belongs to: what an exact search reads in place of rows. It only nominates; scores
 * come from the stored values.
 */
export class VectorArena<Item> {
  private readonly dimensions: number;
  private components: Float32Array;
  private readonly items: Item[] = [];
  private readonly slots = new Map<Item, number>();
  private scores = new Float64Array(0);

  public constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.components = new Float32Array(0);
  }

  public get size(): number {
    return this.items.length;
  }

  /** Adds an item, which must not be in the arena; not one whose vector nothing can be similar to. */
  public add(item: Item, vector: TypedArray): void {
    if (vector.length !== this.dimensions) return;
    const slot = this.items.length;
    this.reserve(slot + 1);
    if (!writeUnitVector(vector, this.components, slot * this.dimensions)) return;
    this.items.push(item);
    this.slots.set(item, slot);
  }

  /**
   * Adds an item, which must not be in the arena, by a vector that is of length 1 already.
   *
   * @param units holds the vector from position `at` on
   */
  public addUnit(item: Item, units: Float32Array, at: number): void {
    const slot = this.items.length;
    const { dimensions } = this;
    this.reserve(slot + 1);
    this.components.set(units.subarray(at, at + dimensions), slot * dimensions);
    this.items.push(item);
    this.slots.set(item, slot);
  }

  /** Writes an item's vector, of length 1, into `target` from position `at` on; false without it. */
  public writeUnit(item: Item, target: Float32Array, at: number): boolean {
    const slot = this.slots.get(item);
    if (slot === undefined) return false;
    const { dimensions } = this;
    target.set(this.components.subarray(slot * dimensions, (slot + 1) * dimensions), at);
    return true;
  }

  /** Removes an item, if it is there; the last one takes its place. */
  public delete(item: Item): void {
    const slot = this.slots.get(item);
    if (slot === undefined) return;
    this.slots.delete(item);
    const last = this.items.length - 1;
    const moved = this.items.pop() as Item;
    if (slot === last) return;
    const { dimensions } = this;
    this.components.copyWithin(slot * dimensions, last * dimensions, (last + 1) * dimensions);
    this.items[slot] = moved;
    this.slots.set(moved, slot);
  }

  public clear(): void {
    this.items.length = 0;
    this.slots.clear();
    this.components = new Float32Array(0);
    this.scores = new Float64Array(0);
  }

  /**
   * Every item that can be among the `count` most similar to `query`, in no order.
   *
   * @param among consider only these
   */
  public nominate(query: TypedArray, count: number, among?: Iterable<Item>): Item[] {
    const slots = among === undefined ? undefined : this.slotsOf(among);
    const size = slots?.length ?? this.size;
    if (this.scores.length < size) this.scores = new Float64Array(size);
    const best = new LargestNumbers(Math.min(count, size));
    this.scan(unitVector(query), slots, size, best);
    const least = best.least - MARGIN;
    const nominated: Item[] = [];
    for (let place = 0; place < size; place++) {
      if ((this.scores[place] as number) >= least) {
        nominated.push(this.items[slots?.[place] ?? place] as Item);
      }
    }
    return nominated;
  }

  private slotsOf(items: Iterable<Item>): Int32Array {
    const slots: number[] = [];
    for (const item of items) {
      const slot = this.slots.get(item);
      if (slot !== undefined) slots.push(slot);
    }
    return Int32Array.from(slots);
  }

  /** Fills `scores` by place and `best` with the largest of them. */
  private scan(
    query: Float64Array,
    slots: Int32Array | undefined,
    size: number,
    best: LargestNumbers,
  ): void {
    const { components, dimensions, scores } = this;
    for (let place = 0; place < size; place++) {
      const slot = slots === undefined ? place : (slots[place] as number);
      const score = dot(query, components, slot * dimensions);
      scores[place] = score;
      best.add(score);
    }
  }

  private reserve(size: number): void {
    const capacity = this.components.length / this.dimensions;
    if (size <= capacity) return;
    const grown = new Float32Array(Math.max(FIRST_CAPACITY, capacity * 2) * this.dimensions);
    grown.set(this.components);
    this.components = grown;
  }
}

function unitVector(vector: TypedArray): Float64Array {
  const { components, length } = directionOf(vector);
  return components.map((component) => component / length);
}

/** Four sums at once keep the processor's adders busy: a single one waits for itself. */
function dot(query: Float64Array, components: Float32Array, at: number): number {
  const { length } = query;
  const even = length - (length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let index = 0; index < even; index += 4) {
    a += (query[index] as number) * (components[at + index] as number);
    b += (query[index + 1] as number) * (components[at + index + 1] as number);
    c += (query[index + 2] as number) * (components[at + index + 2] as number);
    d += (query[index + 3] as number) * (components[at + index + 3] as number);
  }
  for (let index = even; index < length; index++) {
    a += (query[index] as number) * (components[at + index] as number);
  }
  return a + b + (c + d);
}
