import type { CallOptions, EventArguments, JSONValue } from "@workglow/util";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import type { Transaction } from "../transaction/Transaction.ts";

/** Bounds of an ordered walk over keys. All given bounds apply together. */
export interface KvRange<Key> {
  readonly gt?: Key;
  readonly gte?: Key;
  readonly lt?: Key;
  readonly lte?: Key;
  /** Only keys that begin with this text; for string keys. */
  readonly prefix?: string;
  readonly reverse?: boolean;
  /** Largest number of keys, a positive integer. */
  readonly limit?: number;
}

export interface KvPutOptions<Value> extends CallOptions {
  /** Store only if the key is absent. */
  readonly ifAbsent?: boolean;
  /** Store only if the key holds a value equal to this one. */
  readonly expect?: Value;
}

// biome-ignore lint/suspicious/noExplicitAny: the value type is the caller's
export type KvEvents<Key, Value = any, Combined = { key: Key; value: Value }> = {
  put: (key: Key, value: Value) => void;
  get: (key: Key, value: Value | undefined) => void;
  getAll: (results: Combined[] | undefined) => void;
  delete: (key: Key) => void;
  deleteall: () => void;
};
export type KvEventName = keyof KvEvents<unknown>;
export type KvEventListener<Name extends KvEventName, Key, Value, Combined> = KvEvents<
  Key,
  Value,
  Combined
>[Name];

/**
 * Typed keys to typed values. Values are JSON (`null` included, `undefined` refused) or a
 * `Uint8Array` at the top level; what goes in comes out, equal and copied.
 */
export interface IKvStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends Disposable,
    AsyncDisposable {
  readonly name: string;
  readonly capabilities: StorageCapabilities;

  /**
   * Stores `value` under `key`.
   * @throws StorageConflictError when `ifAbsent` or `expect` is not met
   */
  put(key: Key, value: Value, options?: KvPutOptions<Value>): Promise<void>;
  /**
   * Stores many. A synchronous iterable is written all or nothing; an asynchronous one in batches
   * of 1,000, each all or nothing.
   */
  putBulk(
    items:
      | Iterable<{ readonly key: Key; readonly value: Value }>
      | AsyncIterable<{ readonly key: Key; readonly value: Value }>,
    options?: CallOptions,
  ): Promise<void>;
  get(key: Key, options?: CallOptions): Promise<Value | undefined>;
  /** Input order, missing keys left out, a repeated key once. */
  getMany(keys: readonly Key[], options?: CallOptions): Promise<Combined[]>;
  has(key: Key, options?: CallOptions): Promise<boolean>;
  /** Deletes the key; one that is not there is no error. */
  delete(key: Key, options?: CallOptions): Promise<void>;
  deleteMany(keys: readonly Key[], options?: CallOptions): Promise<void>;
  /** All entries ordered by key, `undefined` when there are none. */
  getAll(options?: CallOptions): Promise<Combined[] | undefined>;
  deleteAll(options?: CallOptions): Promise<void>;
  size(options?: CallOptions): Promise<number>;
  /** Keys in order (strings by code point), read in pages by key. */
  keys(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Key>;
  /** Entries in key order, read in pages by key. */
  entries(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Combined>;
  /** A stable id for a JSON value: key order at any depth does not matter, distinct values differ. */
  getObjectAsIdString(object: JSONValue): Promise<string>;

  on<Name extends KvEventName>(name: Name, fn: KvEventListener<Name, Key, Value, Combined>): void;
  off<Name extends KvEventName>(name: Name, fn: KvEventListener<Name, Key, Value, Combined>): void;
  once<Name extends KvEventName>(name: Name, fn: KvEventListener<Name, Key, Value, Combined>): void;
  emit<Name extends KvEventName>(
    name: Name,
    ...args: EventArguments<KvEventListener<Name, Key, Value, Combined>>
  ): void;
  waitOn<Name extends KvEventName>(
    name: Name,
  ): Promise<EventArguments<KvEventListener<Name, Key, Value, Combined>>>;

  /** The same storage inside a transaction of its database. */
  with(tx: Transaction): this;
  /** Creates what is missing; idempotent and safe from several processes at once. */
  setupDatabase(options?: CallOptions): Promise<void>;
  destroy(): void;
}

/** A key-value storage of any keys and values. */
// biome-ignore lint/suspicious/noExplicitAny: only a type parameter that says "any" takes all types
export type AnyKvStorage = IKvStorage<any, any, any>;
