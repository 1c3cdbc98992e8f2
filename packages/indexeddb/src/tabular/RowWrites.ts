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
import { largestBeside } from "./largestKeys.ts";
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

  /** Whether rows get their numbers here, so that storing one may take more than one request. */
  public get numbersRows(): boolean {
    return this.keys !== undefined;
  }

  /** Inserts a row or replaces the one of its key. */
  public async put(call: TableCall, row: Row): Promise<Row> {
    const { tx, codec, writer } = call;
    if (this.waitsForCounter(tx)) await this.keys?.load(tx);
    if (this.lacksNumber(row)) return (await this.insert(call, row, false)) as Row;
    this.observeKey(tx, row);
    const key = codec.keyOf(row);
    const before = writer.logs ? tx.get<StoredRecord>(this.name, key) : undefined;
    const put = this.replace(call, key, row);
    if (before === undefined) await put;
    else {
      const [old] = await Promise.all([before, put]);
      writer.append(old?.v, row, this.prefixValues);
    }
    return row;
  }

  /** The same for many rows: all of them, or none. */
  public async putAll(call: TableCall, rows: readonly Row[]): Promise<Row[]> {
    const { tx, codec, writer } = call;
    if (this.keys !== undefined) await this.passTaken(this.keys, call, rows);
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
    if (this.waitsForCounter(call.tx)) await this.keys?.load(call.tx);
    this.observeKey(call.tx, row);
    let stored: Row;
    try {
      stored = await this.add(call, row);
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (ignoreConflict) return undefined;
      throw this.taken(error);
    }
    call.writer.append(undefined, stored, this.prefixValues);
    return stored;
  }

  /** Changes a row where `expected` holds. */
  public async update(
    call: TableCall,
    of: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
  ): Promise<Row | undefined> {
    const { tx, codec, vectors } = call;
    const key = codec.keyOf(of);
    const told = vectors?.told ?? 0;
    const old = (await tx.get<StoredRecord>(this.name, key))?.v;
    if (old === undefined) return undefined;
    if (expected !== undefined && !evaluatePredicate(expected, old)) return undefined;
    const next = patchedRow(this.table, old, patch);
    this.table.checkEntrySizes(next);
    await this.replace(call, key, next, { old, told });
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

  /** Adds a row. One that lacks its number gets the next, and another where that one is taken. */
  private async add(call: TableCall, row: Row): Promise<Row> {
    const { tx, rows, codec } = call;
    for (;;) {
      const next = this.numbered(tx, row);
      const key = codec.keyOf(next);
      const added = tx.add(this.name, codec.record(next), key);
      call.vectors?.put(key, next);
      try {
        await added;
        return next;
      } catch (error) {
        await call.vectors?.repair(key);
        if (next === row || !isTaken(error)) throw error;
        // Else it is the values of a unique index.
        const isKeyTaken = (await request(rows.getKey(key))) !== undefined;
        if (!isKeyTaken) throw error;
        this.keys?.observe(tx, await largestBeside(rows, codec, [next]));
      }
    }
  }

  /** Moves the counter past the numbers that a bulk's rows must not get. */
  private async passTaken(
    keys: GeneratedKeys,
    { tx, rows, codec }: TableCall,
    given: readonly Row[],
  ): Promise<void> {
    const unnumbered = given.filter((row) => this.lacksNumber(row));
    const [largest] = await Promise.all([largestBeside(rows, codec, unnumbered), keys.load(tx)]);
    keys.observe(tx, largest);
    // Numbers that callers bring along first, so that none is generated that comes later.
    for (const row of given) this.observeKey(tx, row);
  }

  /** @param known the row as it is, and how much had been told of vectors when it was read */
  private async replace(
    call: TableCall,
    key: IDBValidKey,
    row: Row,
    known?: { readonly old: Row; readonly told: number },
  ): Promise<void> {
    const put = call.tx.put(this.name, call.codec.record(row), key);
    if (known === undefined) call.vectors?.put(key, row);
    else call.vectors?.replace(key, known.old, row, known.told);
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

  private lacksNumber(row: Row): boolean {
    const { generated } = this.table;
    return this.keys !== undefined && generated !== undefined && cell(row, generated) === undefined;
  }

  /** The row itself, or with the next number where it lacks one. */
  private numbered(tx: StoreTransaction, row: Row): Row {
    const { generated } = this.table;
    if (this.keys === undefined || generated === undefined || !this.lacksNumber(row)) return row;
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
