import * as module from "sorted-btree";

type TreeClass = typeof module.default.default;
type Tree<T> = InstanceType<typeof module.default.default<T, undefined>>;

// The package is CommonJS: Node hands out its exports as the default export, bundlers the class.
const TreeConstructor: TreeClass =
  module.default.default ?? (module.default as unknown as TreeClass);

/**
 * Items in the order of a comparator, which tells all of them apart. It looks at no more of them
 * than their `Place`.
 */
export class OrderedSet<T extends Place, Place = T> implements Iterable<T> {
  private readonly tree: Tree<Place>;

  public constructor(compare: (a: Place, b: Place) => number) {
    this.tree = new TreeConstructor<Place, undefined>(undefined, compare);
  }

  public get size(): number {
    return this.tree.size;
  }

  public get first(): T | undefined {
    return this.tree.minKey() as T | undefined;
  }

  public add(item: T): void {
    this.tree.set(item, undefined);
  }

  public delete(item: T): void {
    this.tree.delete(item);
  }

  /** The last item that does not come after `place`. */
  public lastUpTo(place: Place): T | undefined {
    return this.tree.getPairOrNextLower(place)?.[0] as T | undefined;
  }

  public [Symbol.iterator](): IterableIterator<T> {
    return this.tree.keys() as IterableIterator<T>;
  }
}
