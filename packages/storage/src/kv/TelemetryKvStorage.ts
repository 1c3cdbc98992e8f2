import type { CallOptions, JSONValue } from "@workglow/util";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import { TracedStorage } from "../telemetry/TracedStorage.ts";
import type { IKvStorage, KvEvents, KvPutOptions, KvRange } from "./IKvStorage.ts";

type KvItem<Key, Value> = { readonly key: Key; readonly value: Value };

/**
 * A key-value storage, described by members in which type parameters stand alone. The compiler then
 * finds them for `new TelemetryKvStorage(name, new InMemoryKvStorage())` as well, where the whole
 * interface would lead it astray: it would read `Value | undefined` as a hint for the inner storage
 * while `Value` is not known yet.
 */
interface KvOf<Key, Value, Combined> {
  readonly capabilities: StorageCapabilities;
  put(key: Key, value: Value): Promise<void>;
  getMany(keys: readonly Key[]): Promise<Combined[]>;
  deleteMany(keys: readonly Key[]): Promise<void>;
  deleteAll(): Promise<void>;
  getObjectAsIdString(object: JSONValue): Promise<string>;
}

/** A key-value storage that makes one OpenTelemetry span of each operation of another. */
export class TelemetryKvStorage<
    Key extends string | number = string,
    // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
    Value = any,
    Combined = { key: Key; value: Value },
  >
  extends TracedStorage<KvEvents<Key, Value, Combined>, IKvStorage<Key, Value, Combined>>
  implements IKvStorage<Key, Value, Combined>
{
  /** @param name names the storage in spans */
  public constructor(name: string, inner: KvOf<Key, Value, Combined>) {
    super(name, inner as IKvStorage<Key, Value, Combined>);
  }

  public put(key: Key, value: Value, options?: KvPutOptions<Value>): Promise<void> {
    return this.traced("put", () => this.inner.put(key, value, options));
  }

  public putBulk(
    items: Iterable<KvItem<Key, Value>> | AsyncIterable<KvItem<Key, Value>>,
    options?: CallOptions,
  ): Promise<void> {
    return this.traced("putBulk", () => this.inner.putBulk(items, options), lengthOf(items));
  }

  public get(key: Key, options?: CallOptions): Promise<Value | undefined> {
    return this.traced("get", () => this.inner.get(key, options));
  }

  public getMany(keys: readonly Key[], options?: CallOptions): Promise<Combined[]> {
    return this.traced("getMany", () => this.inner.getMany(keys, options), lengthOf(keys));
  }

  public has(key: Key, options?: CallOptions): Promise<boolean> {
    return this.traced("has", () => this.inner.has(key, options));
  }

  public delete(key: Key, options?: CallOptions): Promise<void> {
    return this.traced("delete", () => this.inner.delete(key, options));
  }

  public deleteMany(keys: readonly Key[], options?: CallOptions): Promise<void> {
    return this.traced("deleteMany", () => this.inner.deleteMany(keys, options), lengthOf(keys));
  }

  public getAll(options?: CallOptions): Promise<Combined[] | undefined> {
    return this.traced("getAll", () => this.inner.getAll(options));
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.traced("deleteAll", () => this.inner.deleteAll(options));
  }

  public size(options?: CallOptions): Promise<number> {
    return this.traced("size", () => this.inner.size(options));
  }

  public keys(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Key> {
    return this.tracedIteration("keys", () => this.inner.keys(range, options));
  }

  public entries(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Combined> {
    return this.tracedIteration("entries", () => this.inner.entries(range, options));
  }

  /** Needs no database, and makes no span. */
  public getObjectAsIdString(object: JSONValue): Promise<string> {
    return this.inner.getObjectAsIdString(object);
  }
}

/** How many items there are, where that is known beforehand. */
function lengthOf(items: unknown): number | undefined {
  return Array.isArray(items) ? items.length : undefined;
}
