import {
  type CallOptions,
  canonicalJson,
  checkText,
  copyJson,
  type JSONValue,
  StorageConflictError,
  StorageValidationError,
  throwIfAborted,
  utf8ByteLength,
} from "@workglow/util";
import { type Awaitable, andThen } from "../base/Awaitable.ts";
import { BaseStorage } from "../base/BaseStorage.ts";
import { checkedCount } from "../tabular/SelectPlan.ts";
import {
  type CanonicalValue,
  canonicalValue,
  copyCanonical,
  describeType,
} from "../tabular/schema/canonicalValue.ts";
import { MAX_INDEX_ENTRY_BYTES } from "../tabular/schema/TableSchema.ts";
import type { IKvStorage, KvEvents, KvPutOptions, KvRange } from "./IKvStorage.ts";
import type { KvColumns } from "./keyValueSchema.ts";

/** A JSON value or bytes, checked and copied. */
export type KvValue = CanonicalValue;
export type KvEntry<Key> = { readonly key: Key; readonly value: KvValue };

/** One page of a walk over keys. */
export interface KvWalk<Key> {
  /** Checked bounds. */
  readonly range: KvRange<Key>;
  /** Continue after this key (before it, when reversed). */
  readonly after: Key | undefined;
  readonly limit: number;
}

/** The condition of a conditional `put`. */
export type KvCondition = { readonly ifAbsent: true } | { readonly expect: KvValue };

const PAGE_SIZE = 500;
const BATCH_SIZE = 1000;

/**
 * Everything about key-value storage that holds on every backend. A backend implements the driver
 * methods, whose names begin with `_`; they get checked keys and canonical values of their own, and
 * return values that are the caller's to keep.
 */
export abstract class BaseKvStorage<
    Key extends string | number = string,
    // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
    Value = any,
    Combined = { key: Key; value: Value },
  >
  extends BaseStorage<KvEvents<Key, Value, Combined>>
  implements IKvStorage<Key, Value, Combined>
{
  /** What keys and values the storage takes. */
  protected readonly columns: KvColumns;

  protected constructor(name: string, columns: KvColumns) {
    super(name);
    this.columns = columns;
  }

  public put(key: Key, value: Value, options?: KvPutOptions<Value>): Promise<void> {
    return this.perform("put", options, (o) => {
      const condition = this.condition(options);
      const held = condition === undefined ? this.passedValue(value) : this.checkedValue(value);
      const entries = [{ key: this.checkedKey(key), value: held }];
      const stored =
        condition === undefined
          ? this._put(entries, o)
          : andThen(this._putIf(entries[0] as KvEntry<Key>, condition, o), (holds) => {
              if (!holds) throw conflict(condition);
            });
      return andThen(stored, () => this.emitPut(entries));
    });
  }

  public putBulk(
    items:
      | Iterable<{ readonly key: Key; readonly value: Value }>
      | AsyncIterable<{ readonly key: Key; readonly value: Value }>,
    options?: CallOptions,
  ): Promise<void> {
    return this.performWithCaller("putBulk", options, async (o, theirs) => {
      if (isIterable(items)) {
        const entries: KvEntry<Key>[] = [];
        // Any other iterable may give the same object again and again, with other values.
        const check = Array.isArray(items) ? this.passedValue : this.checkedValue;
        for (const item of items) entries.push(this.checkedEntry(item, check));
        return this.putEntries(entries, o);
      }
      if (!isAsyncIterable(items)) throw new StorageValidationError("putBulk takes an iterable");
      let batch: KvEntry<Key>[] = [];
      for await (const item of withErrorsOf(items, theirs)) {
        batch.push(this.checkedEntry(item, this.checkedValue));
        if (batch.length < BATCH_SIZE) continue;
        await this.putEntries(batch, o);
        batch = [];
      }
      await this.putEntries(batch, o);
    });
  }

  public get(key: Key, options?: CallOptions): Promise<Value | undefined> {
    return this.perform("get", options, (o) =>
      andThen(this._get(this.checkedKey(key), o), (found) => {
        const value = found as Value | undefined;
        if (this.events.hasListeners("get")) this.events.emit("get", key, value);
        return value;
      }),
    );
  }

  public getMany(keys: readonly Key[], options?: CallOptions): Promise<Combined[]> {
    return this.perform("getMany", options, async (o) => {
      const wanted = [...new Set(this.checkedKeys(keys))];
      if (wanted.length === 0) return [];
      const found = new Map<Key, KvEntry<Key>>();
      for (const entry of await this._getMany(wanted, o)) found.set(entry.key, entry);
      const entries: KvEntry<Key>[] = [];
      for (const key of wanted) {
        const entry = found.get(key);
        if (entry !== undefined) entries.push(entry);
      }
      return entries as Combined[];
    });
  }

  public has(key: Key, options?: CallOptions): Promise<boolean> {
    return this.perform("has", options, (o) => this._has(this.checkedKey(key), o));
  }

  public delete(key: Key, options?: CallOptions): Promise<void> {
    return this.perform("delete", options, async (o) => {
      this.emitDelete(await this._delete([this.checkedKey(key)], o));
    });
  }

  public deleteMany(keys: readonly Key[], options?: CallOptions): Promise<void> {
    return this.perform("deleteMany", options, async (o) => {
      const wanted = [...new Set(this.checkedKeys(keys))];
      if (wanted.length > 0) this.emitDelete(await this._delete(wanted, o));
    });
  }

  public getAll(options?: CallOptions): Promise<Combined[] | undefined> {
    return this.perform("getAll", options, async (o) => {
      const entries = (await this._getAll(o)) as Combined[];
      const result = entries.length === 0 ? undefined : entries;
      if (this.events.hasListeners("getAll")) this.events.emit("getAll", result);
      return result;
    });
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.perform("deleteAll", options, async (o) => {
      await this._deleteAll(o);
      if (this.events.hasListeners("deleteall")) {
        this.afterCommit(() => this.events.emit("deleteall"));
      }
    });
  }

  public size(options?: CallOptions): Promise<number> {
    return this.perform("size", options, (o) => this._size(o));
  }

  public async *keys(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Key> {
    for await (const entry of this.walk("keys", range, options)) yield entry.key;
  }

  public async *entries(range?: KvRange<Key>, options?: CallOptions): AsyncGenerator<Combined> {
    for await (const entry of this.walk("entries", range, options)) yield entry as Combined;
  }

  public getObjectAsIdString(object: JSONValue): Promise<string> {
    return this.perform("getObjectAsIdString", undefined, () =>
      canonicalJson(copyJson(object, "object")),
    );
  }

  public setupDatabase(options?: CallOptions): Promise<void> {
    return this.perform("setupDatabase", options, (o) => this._setup(o));
  }

  // ——— driver methods

  protected abstract _setup(o: CallOptions | undefined): Awaitable<void>;
  /** Stores all entries or none; of a repeated key the last wins. */
  protected abstract _put(
    entries: readonly KvEntry<Key>[],
    o: CallOptions | undefined,
  ): Awaitable<void>;
  /** Stores the entry if the condition holds, atomically; whether it did. */
  protected abstract _putIf(
    entry: KvEntry<Key>,
    condition: KvCondition,
    o: CallOptions | undefined,
  ): Awaitable<boolean>;
  protected abstract _get(key: Key, o: CallOptions | undefined): Awaitable<KvValue | undefined>;
  protected abstract _getMany(
    keys: readonly Key[],
    o: CallOptions | undefined,
  ): Awaitable<readonly KvEntry<Key>[]>;
  protected abstract _has(key: Key, o: CallOptions | undefined): Awaitable<boolean>;
  /** Deletes keys; gives those that were there. */
  protected abstract _delete(
    keys: readonly Key[],
    o: CallOptions | undefined,
  ): Awaitable<readonly Key[]>;
  protected abstract _getAll(o: CallOptions | undefined): Awaitable<readonly KvEntry<Key>[]>;
  protected abstract _deleteAll(o: CallOptions | undefined): Awaitable<void>;
  protected abstract _size(o: CallOptions | undefined): Awaitable<number>;
  /** One page in key order; `values` false leaves the values out (as null). */
  protected abstract _walk(
    walk: KvWalk<Key>,
    values: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly KvEntry<Key>[]>;

  // ——— helpers

  /** @throws StorageValidationError for a key of the wrong type, or a text that is too long */
  protected checkedKey(key: unknown): Key {
    const { columns } = this;
    const checked = canonicalValue(columns.key, key) as Key;
    if (
      typeof checked === "string" &&
      checked.length * 3 > MAX_INDEX_ENTRY_BYTES &&
      utf8ByteLength(checked) > MAX_INDEX_ENTRY_BYTES
    ) {
      throw new StorageValidationError(`a key holds at most ${MAX_INDEX_ENTRY_BYTES} bytes`);
    }
    return checked;
  }

  /** A copy of the value in canonical form. */
  protected checkedValue(value: unknown): KvValue {
    const { value: column, bytes } = this.columns;
    if (value === undefined) throw new StorageValidationError("undefined is not a value");
    if (bytes !== undefined && value instanceof Uint8Array) return canonicalValue(bytes, value);
    if (value !== null) return canonicalValue(column, value);
    if (column.nullable) return null;
    throw new StorageValidationError("the value's schema does not allow null");
  }

  /** Like {@link checkedValue}, for a value that the driver gets before its owner can change it. */
  protected passedValue(value: unknown): KvValue {
    return this.checkedValue(value);
  }

  private checkedKeys(keys: unknown): readonly Key[] {
    if (!Array.isArray(keys)) throw new StorageValidationError("the keys are a list");
    return keys.map((key) => this.checkedKey(key));
  }

  private checkedEntry(item: unknown, check: (value: unknown) => KvValue): KvEntry<Key> {
    if (typeof item !== "object" || item === null) {
      throw new StorageValidationError(
        `an item is an object of key and value, not ${describeType(item)}`,
      );
    }
    const { key, value } = item as { key: unknown; value: unknown };
    return { key: this.checkedKey(key), value: check.call(this, value) };
  }

  private async putEntries(
    entries: readonly KvEntry<Key>[],
    o: CallOptions | undefined,
  ): Promise<void> {
    if (entries.length === 0) return;
    await this._put(entries, o);
    this.emitPut(entries);
  }

  private condition(options: KvPutOptions<Value> | undefined): KvCondition | undefined {
    if (options?.ifAbsent !== true) {
      return options?.expect === undefined
        ? undefined
        : { expect: this.checkedValue(options.expect) };
    }
    if (options.expect !== undefined) {
      throw new StorageValidationError("ifAbsent and expect exclude each other");
    }
    return { ifAbsent: true };
  }

  private async *walk(
    operation: "keys" | "entries",
    range: KvRange<Key> = {},
    options: CallOptions | undefined,
  ): AsyncGenerator<KvEntry<Key>> {
    let left = Number.POSITIVE_INFINITY;
    let after: Key | undefined;
    let checked: KvRange<Key> | undefined;
    for (;;) {
      const page = await this.perform(operation, options, (o) => {
        if (checked === undefined) {
          checked = this.checkedRange(range);
          left = checked.limit ?? left;
        }
        const limit = Math.min(left, PAGE_SIZE);
        return this._walk({ range: checked, after, limit }, operation === "entries", o);
      });
      for (const entry of page) {
        throwIfAborted(options);
        yield entry;
      }
      left -= page.length;
      if (page.length < PAGE_SIZE || left <= 0) return;
      after = (page.at(-1) as KvEntry<Key>).key;
    }
  }

  private checkedRange(range: KvRange<Key>): KvRange<Key> {
    const checked: { -readonly [K in keyof KvRange<Key>]: KvRange<Key>[K] } = {};
    for (const bound of ["gt", "gte", "lt", "lte"] as const) {
      const value = range[bound];
      if (value !== undefined) checked[bound] = this.checkedKey(value);
    }
    if (range.prefix !== undefined) {
      if (this.columns.key.type !== "string" || typeof range.prefix !== "string") {
        throw new StorageValidationError("prefix is a text, and for string keys only");
      }
      checkText(range.prefix, "prefix");
      checked.prefix = range.prefix;
    }
    const limit = checkedCount(range.limit, "limit", 1);
    if (limit !== undefined) checked.limit = limit;
    checked.reverse = range.reverse === true;
    return checked;
  }

  private emitPut(entries: readonly KvEntry<Key>[]): void {
    if (!this.events.hasListeners("put")) return;
    const copies = entries.map(({ key, value }) => ({ key, value: copyCanonical(value) as Value }));
    this.afterCommit(() => {
      for (const { key, value } of copies) this.events.emit("put", key, value);
    });
  }

  private emitDelete(keys: readonly Key[]): void {
    if (keys.length === 0 || !this.events.hasListeners("delete")) return;
    this.afterCommit(() => {
      for (const key of keys) this.events.emit("delete", key);
    });
  }
}

function conflict(condition: KvCondition): StorageConflictError {
  return new StorageConflictError(
    "ifAbsent" in condition ? "the key is taken" : "the key does not hold the expected value",
  );
}

/** The items, each step taken through `theirs`, so that the source's own errors can be told. */
async function* withErrorsOf<T>(
  items: AsyncIterable<T>,
  theirs: <R>(code: () => Promise<R>) => Promise<R>,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const step = await theirs(() => iterator.next()).catch((error: unknown) => {
        ended = true;
        throw error;
      });
      ended = step.done === true;
      if (ended) return;
      yield step.value;
    }
  } finally {
    if (!ended) await iterator.return?.();
  }
}

function isIterable<T>(value: unknown): value is Iterable<T> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isAsyncIterable<T>(value: unknown): value is AsyncIterable<T> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
