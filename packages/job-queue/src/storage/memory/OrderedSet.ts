import * as module from "sorted-btree";

type TreeClass = typeof module.default.default;
type Tree<T> = InstanceType<typeof module.default.default<T, undefined>>;

// The package is CommonJS: Node hands out its exports as the default export, bundlers the class.
const TreeConstructor: TreeClass =
  module.default.default ?? (module.default as unknown as TreeClass);

/** Items in the order of a comparator, which tells all of them apart. */
export class OrderedSet<T> implements Iterable<T> {
  private readonly tree: Tree<T>;

  public constructor(compare: (a: T, b: T) => number) {
    this.tree = new TreeConstructor<T, undefined>(undefined, compare);
  }

  public get size(): number {
    return this.tree.size;
  }

  public get first(): T | undefined {
    return this.tree.minKey();
  }

  public get last(): T | undefined {
    return this.tree.maxKey();
  }

  public add(item: T): void {
    this.tree.set(item, undefined);
  }

  public delete(item: T): void {
    this.tree.delete(item);
  }

  public [Symbol.iterator](): IterableIterator<T> {
    return this.tree.keys();
  }
}
