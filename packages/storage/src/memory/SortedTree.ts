import * as module from "sorted-btree";

type TreeClass = typeof module.default.default;

/** A B+ tree in memory: entries in the order of a comparator. */
export type SortedTree<Key, Value> = InstanceType<typeof module.default.default<Key, Value>>;

// The package is CommonJS: Node hands out its exports as the default export, bundlers the class.
export const SortedTree: TreeClass =
  module.default.default ?? (module.default as unknown as TreeClass);
