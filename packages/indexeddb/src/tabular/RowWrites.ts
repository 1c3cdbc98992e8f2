import {
  cell,
  evaluatePredicate,
  inSchemaOrder,
  type Predicate,
  patchedRow,
  type Row,
  type RowPatch,
  type TableSchema,
} from "@workglow/storage";
import { StorageConflictError } from "@workglow/util";
import type { PrefixValues } from "../changes/TableChanges.ts";
import { request } from "../connection/request.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { isTaken } from "../indexedDbErrors.ts";
import type { StoredRecord } from "../records/RecordCodec.ts";
import { deleteRows, type RowRemoval } from "../select/deleteRows.ts";
import type { TableRead } from "../select/TableRead.ts";
import { GeneratedKeys } from "./GeneratedKeys.ts";
import type { TableCall } from "./TableAccess.ts";

/**
 * What the writing calls of a table do in their transactions: to its rows, to its counter, to what
 * searches by vector go by, and to the log of its changes.
 */
export class RowWrites {
  private readonly name: string;
  private readonly table: TableSchema;
  private readonly prefixValues: PrefixValues | undefined;
  private readonly keys: GeneratedKeys | undefined;

  /** @param prefixValues the tenant's, `undefined` for a table without prefixes */
  public constructor(name: string, table: TableSchema, prefixValues: PrefixValues | undefined) {
    this.name = name;
    this.table = table;
    this.prefixValues = prefixValues;
    this.keys = table.generated?.type === "integer" ? new GeneratedKeys(name) : undefined;
  }

  /** Whether a row cannot be stored before the transaction has read the counter. */
  public waitsForCounter(tx: StoreTransaction): boolean {
    return this.keys?.isLoaded(tx) === false;
  }

  /** Inserts a row or replaces the one of its key. */
  public async put(call: TableCall, row: Row): Promise<Row> {
    const { tx, codec, writer } = call;
    if (this.waitsForCounter(tx)) await this.keys?.load(tx);
    const next = this.numbered(tx, row);
    const key = codec.keyOf(next);
    const before = writer.logs ? tx.get<StoredRecord>(this.name, key) : undefined;
    const put = this.replace(call, key, next);
    if (before === undefined) await put;
    else {
      const [old] = await Promise.all([before, put]);
      writer.append(old?.v, next, this.prefixValues);
    }
    return next;
  }

  /** The same for many rows: all of them, or none. */
  public async putAll(call: TableCall, rows: readonly Row[]): Promise<Row[]> {
    const { tx, codec, writer } = call;
    if (this.keys !== undefined) {
      await this.keys.load(tx);
      // Numbers that callers bring along first, so that none is generated that comes later.
      for (const row of rows) this.observeKey(tx, row);
    }
    const stored = rows.map((row) => this.numbered(tx, row));
    const entries = stored.map((row) => ({ key: codec.keyOf(row), record: codec.record(row) }));
    const before = writer.logs
      ? await Promise.all(entries.map(({ key }) => tx.get<StoredRecord>(this.name, key)))
      : [];
    const put = tx.putAll(this.name, entries);
    for (const { key, record } of entries) call.vectors?.put(key, record.v);
    for (const [at, row] of stored.entries()) {
      writer.append(before[at]?.v, row, this.prefixValues);
    }
    tx.finish();
    try {
      await put;
    } catch (error) {
      throw isTaken(error) ? this.taken(error) : error;
    }
    return stored;
  }

  /** Stores a row whose key is free; `undefined` where it is not and that is to be ignored. */
  public async insert(
    call: TableCall,
    row: Row,
    ignoreConflict: boolean,
  ): Promise<Row | undefined> {
    const { tx, codec } = call;
    if (this.waitsForCounter(tx)) await this.keys?.load(tx);
    const next = this.numbered(tx, row);
    const key = codec.keyOf(next);
    const added = tx.add(this.name, codec.record(next), key);
    call.vectors?.put(key, next);
    try {
      await added;
    } catch (error) {
      await call.vectors?.repair(key);
      if (!isTaken(error)) throw error;
      if (ignoreConflict) return undefined;
      throw this.taken(error);
    }
    call.writer.append(undefined, next, this.prefixValues);
    return next;
  }

  /** Changes a row where `expected` holds. */
  public async update(
    call: TableCall,
    of: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
  ): Promise<Row | undefined> {
    const { tx, codec } = call;
    const key = codec.keyOf(of);
    const old = (await tx.get<StoredRecord>(this.name, key))?.v;
    if (old === undefined) return undefined;
    if (expected !== undefined && !evaluatePredicate(expected, old)) return undefined;
    const next = patchedRow(this.table, old, patch);
    this.table.checkEntrySizes(next);
    await this.replace(call, key, next);
    call.writer.append(old, next, this.prefixValues);
    return next;
  }

  /** Whether there was a row to delete. */
  public async delete({ tx, rows, codec, writer, vectors }: TableCall, of: Row): Promise<boolean> {
    const key = codec.keyOf(of);
    const found = writer.logs ? tx.get<StoredRecord>(this.name, key) : request(rows.getKey(key));
    const deleted = tx.delete(this.name, key);
    vectors?.delete(key);
    const [old] = await Promise.all([found, deleted]);
    if (old === undefined) return false;
    if (writer.logs) writer.append((old as StoredRecord).v, undefined, this.prefixValues);
    return true;
  }

  /** Deletes matching rows; gives their keys, in their order, if `returnKeys`. */
  public async deleteWhere(
    call: TableCall,
    read: TableRead,
    where: Predicate | undefined,
    returnKeys: boolean,
  ): Promise<readonly Row[]> {
    const { writer } = call;
    const keys: Row[] = [];
    const visit = (rows: readonly Row[]): void => {
      for (const row of rows) {
        if (returnKeys) keys.push(this.table.keyOf(row));
        writer.append(row, undefined, this.prefixValues);
      }
    };
    await deleteRows(
      read,
      where,
      this.removal(call),
      returnKeys || writer.logs ? visit : undefined,
    );
    return keys.sort((a, b) => this.table.compareKeys(a, b));
  }

  /** How rows leave the table. */
  private removal({ tx, codec, vectors }: TableCall): RowRemoval {
    return {
      delete: (key) => {
        vectors?.delete(key);
        return tx.delete(this.name, key);
      },
      deleteRange: async (range) => {
        const isAll = range === undefined || range === codec.all;
        const deleted = tx.deleteRange(this.name, range);
        await Promise.all([deleted, isAll ? vectors?.deleteAll() : vectors?.deleteRange(range)]);
      },
    };
  }

  private async replace(call: TableCall, key: IDBValidKey, row: Row): Promise<void> {
    const put = call.tx.put(this.name, call.codec.record(row), key);
    call.vectors?.put(key, row);
    try {
      await put;
    } catch (error) {
      await call.vectors?.repair(key);
      throw isTaken(error) ? this.taken(error) : error;
    }
  }

  private observeKey(tx: StoreTransaction, row: Row): void {
    const { generated } = this.table;
    const given = generated && cell(row, generated);
    if (given !== undefined) this.keys?.observe(tx, given as number);
  }

  /** The row, with a number where one is to be generated. */
  private numbered(tx: StoreTransaction, row: Row): Row {
    const { generated } = this.table;
    if (this.keys === undefined || generated === undefined) return row;
    if (cell(row, generated) !== undefined) {
      this.observeKey(tx, row);
      return row;
    }
    return inSchemaOrder(this.table, { ...row, [generated.name]: this.keys.next(tx) });
  }

  private taken(cause: unknown): StorageConflictError {
    const unique = this.table.indexes.filter((index) => index.unique);
    const lists = [this.table.keyColumns, ...unique.map(({ columns }) => columns)];
    const named = lists.map((columns) => columns.map(({ name }) => `"${name}"`).join(", "));
    return new StorageConflictError(`another row has the same ${named.join(", or the same ")}`, {
      cause,
    });
  }
}
