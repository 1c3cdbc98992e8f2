import { type Column, cell, type Row, type WantedShape } from "@workglow/storage";
import { afterAll, beforeAll } from "@workglow/storage/paths";
import { request } from "../connection/request.ts";
import type { RecordCodec } from "../records/RecordCodec.ts";
import { keyIdentity } from "../vector/keyIdentity.ts";

/**
 * The largest generated number among the tenant's rows whose keys begin like those of the given
 * rows, up to the number: no larger one of theirs is taken. 0 where there is none.
 */
export async function largestBeside(
  rows: IDBObjectStore,
  codec: RecordCodec,
  beside: readonly Row[],
): Promise<number> {
  const { keyColumns, generated } = codec.table;
  const leading = keyColumns.slice(0, keyColumns.indexOf(generated as Column));
  const ranges = new Map<unknown, IDBKeyRange | undefined>();
  for (const row of beside) {
    const values = leading.map((column) => cell(row, column) ?? null);
    const range = codec.rangeOfKeys({ from: beforeAll(values), to: afterAll(values) });
    ranges.set(range && keyIdentity(range.lower), range);
    // All rows are beside each other then.
    if (leading.length === 0) break;
  }
  const last = await Promise.all([...ranges.values()].map((range) => lastKey(rows, range)));
  return last.reduce<number>(
    (largest, key) => (key === undefined ? largest : Math.max(largest, numberIn(codec, key))),
    0,
  );
}

/**
 * The largest generated number among the rows of all tenants, 0 where there is none: one look for
 * each stretch of keys that differ in it alone.
 */
export async function largestOfAll(
  rows: IDBObjectStore,
  codec: RecordCodec,
  { prefixes }: WantedShape,
): Promise<number> {
  const { keyColumns, generated } = codec.table;
  const place = prefixes.length + keyColumns.indexOf(generated as Column);
  let largest = 0;
  let before: IDBKeyRange | undefined;
  for (;;) {
    const key = await lastKey(rows, before);
    if (key === undefined) return largest;
    largest = Math.max(largest, numberIn(codec, key));
    if (place === 0) return largest;
    before = IDBKeyRange.upperBound((key as IDBValidKey[]).slice(0, place), true);
  }
}

async function lastKey(
  rows: IDBObjectStore,
  range: IDBKeyRange | undefined,
): Promise<IDBValidKey | undefined> {
  return (await request(rows.openKeyCursor(range, "prev")))?.key;
}

function numberIn(codec: RecordCodec, key: IDBValidKey): number {
  return cell(codec.rowOfKey(key), codec.table.generated as Column) as number;
}
