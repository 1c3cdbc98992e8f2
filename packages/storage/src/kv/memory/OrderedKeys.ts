import { SortedTree } from "../../memory/SortedTree.ts";
import { compareValues } from "../../tabular/compareValues.ts";
import type { Interval } from "../../tabular/paths/intervals.ts";

/**
 * The keys of a map in order. The tree is made at the first walk and kept up to date from then on:
 * a map that nobody walks costs nothing.
 */
export class OrderedKeys<Key extends string | number> {
  private readonly source: () => Iterable<Key>;
  private tree: SortedTree<Key, undefined> | undefined;

  /** @param source gives all keys of the map */
  public constructor(source: () => Iterable<Key>) {
    this.source = source;
  }

  /** Whether keys have been walked before, so that {@link add} is of use. */
  public get isBuilt(): boolean {
    return this.tree !== undefined;
  }

  public add(key: Key): void {
    this.tree?.set(key, undefined);
  }

  public remove(key: Key): void {
    this.tree?.delete(key);
  }

  public clear(): void {
    this.tree = undefined;
  }

  /** Calls `visit` for the keys of an interval, in order or backwards, until it gives false. */
  public walk({ from, to }: Interval, descending: boolean, visit: (key: Key) => boolean): void {
    const isBefore = (key: Key): boolean => {
      const difference = compareValues(key, from.value);
      return from.after ? difference <= 0 : difference < 0;
    };
    const isBehind = (key: Key): boolean => {
      const difference = to === undefined ? -1 : compareValues(key, to.value);
      return to?.after ? difference > 0 : difference >= 0;
    };
    const tree = this.built();
    const keys = descending
      ? tree.entriesReversed((to?.value ?? undefined) as Key | undefined)
      : tree.entries((from.value ?? undefined) as Key | undefined);
    for (const [key] of keys) {
      if (descending ? isBehind(key) : isBefore(key)) continue;
      if (descending ? isBefore(key) : isBehind(key)) return;
      if (!visit(key)) return;
    }
  }

  private built(): SortedTree<Key, undefined> {
    if (this.tree !== undefined) return this.tree;
    const tree = new SortedTree<Key, undefined>(undefined, compareValues);
    for (const key of this.source()) tree.set(key, undefined);
    this.tree = tree;
    return tree;
  }
}
