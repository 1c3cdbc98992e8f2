/** Remembers the largest of many numbers, as many as its size: a heap with the least on top. */
export class LargestNumbers {
  private readonly heap: Float64Array;
  private count = 0;

  public constructor(size: number) {
    this.heap = new Float64Array(size);
  }

  /** The least of those kept, or -Infinity while there is room for more. */
  public get least(): number {
    return this.count < this.heap.length ? Number.NEGATIVE_INFINITY : (this.heap[0] as number);
  }

  public add(value: number): void {
    if (this.count < this.heap.length) this.rise(this.count++, value);
    else if (value > (this.heap[0] as number)) this.sink(value);
  }

  private rise(from: number, value: number): void {
    const { heap } = this;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if ((heap[parent] as number) <= value) break;
      heap[place] = heap[parent] as number;
      place = parent;
    }
    heap[place] = value;
  }

  private sink(value: number): void {
    const { heap, count } = this;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= count) break;
      if (child + 1 < count && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= value) break;
      heap[place] = heap[child] as number;
      place = child;
    }
    heap[place] = value;
  }
}
