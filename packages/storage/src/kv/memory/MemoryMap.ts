import type { MemoryTransaction } from "../../memory/MemoryTransaction.ts";
import type { WriteStep } from "../../memory/WriteUnit.ts";
import type { KvValue } from "../BaseKvStorage.ts";
import { OrderedKeys } from "./OrderedKeys.ts";

/** One tenant's keys and values. Values are never changed once they are in here, only replaced. */
export class MemoryMap<Key extends string | number> {
  public readonly ordered = new OrderedKeys<Key>(() => this.values.keys());
  private readonly values = new Map<Key, KvValue>();

  public get size(): number {
    return this.values.size;
  }

  public get(key: Key): KvValue | undefined {
    return this.values.get(key);
  }

  public has(key: Key): boolean {
    return this.values.has(key);
  }

  /** Sets a value, or removes the key if it is `undefined`, with a way back for `transaction`. */
  public set(
    key: Key,
    value: KvValue | undefined,
    transaction: MemoryTransaction | undefined,
  ): void {
    transaction?.add(new ValueReplacement(this, key, this.values.get(key)));
    if (value === undefined) {
      this.values.delete(key);
      this.ordered.remove(key);
    } else {
      if (this.ordered.isBuilt && !this.values.has(key)) this.ordered.add(key);
      this.values.set(key, value);
    }
  }

  public clear(transaction: MemoryTransaction | undefined): void {
    if (transaction !== undefined) {
      for (const key of [...this.values.keys()]) this.set(key, undefined, transaction);
    }
    this.values.clear();
    this.ordered.clear();
  }
}

class ValueReplacement<Key extends string | number> implements WriteStep {
  private readonly map: MemoryMap<Key>;
  private readonly key: Key;
  private readonly old: KvValue | undefined;

  public constructor(map: MemoryMap<Key>, key: Key, old: KvValue | undefined) {
    this.map = map;
    this.key = key;
    this.old = old;
  }

  public undo(): void {
    this.map.set(this.key, this.old, undefined);
  }

  public committed(): void {}
}
