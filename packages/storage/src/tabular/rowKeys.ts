import { newUuid, StorageValidationError } from "@workglow/util";
import type { ClientProvidedKeys } from "./ITabularStorage.ts";
import type { CanonicalValue } from "./schema/canonicalValue.ts";
import { cell, type Row, type TableSchema } from "./schema/TableSchema.ts";

/** A change to some columns; `undefined` removes the property. */
export type RowPatch = { readonly [column: string]: CanonicalValue | undefined };

/**
 * Gives a row that is to be stored its UUID, where one is to be generated. A missing integer key
 * stays missing: the backend counts.
 *
 * @throws StorageValidationError where the caller gave a key, or none, against the policy
 */
export function giveKey(table: TableSchema, row: Row, policy: ClientProvidedKeys): void {
  const { generated } = table;
  if (generated === undefined) return;
  const given = cell(row, generated) !== undefined;
  if (given && policy === "never") {
    throw new StorageValidationError(
      `Auto-generated key "${generated.name}" must not be given when clientProvidedKeys is "never"`,
    );
  }
  if (!given && policy === "always") {
    throw new StorageValidationError(
      `Auto-generated key "${generated.name}" is required when clientProvidedKeys is "always"`,
    );
  }
  if (!given && generated.type === "string") row[generated.name] = newUuid();
}

/** Keeps the last row of each key; `places` tells where each input went, if any was dropped. */
export function lastOfEachKey(
  table: TableSchema,
  rows: readonly Row[],
): { readonly rows: readonly Row[]; readonly places?: readonly number[] } {
  const { generated } = table;
  const kept = new Map<unknown, number>();
  const places: number[] = [];
  const distinct: Row[] = [];
  for (const row of rows) {
    const unnumbered = generated !== undefined && cell(row, generated) === undefined;
    const identity = unnumbered ? row : table.keyIdentity(row);
    const place = kept.get(identity) ?? distinct.length;
    kept.set(identity, place);
    distinct[place] = row;
    places.push(place);
  }
  return distinct.length === rows.length ? { rows } : { rows: distinct, places };
}

/** @throws StorageValidationError when the patch would give the row another key */
export function refuseKeyChange(table: TableSchema, key: Row, patch: RowPatch): void {
  for (const { name } of table.keyColumns) {
    if (!Object.hasOwn(patch, name)) continue;
    const same = table.keyIdentity({ ...key, [name]: patch[name] as CanonicalValue });
    if (same !== table.keyIdentity(key)) {
      throw new StorageValidationError(`an update cannot change key column "${name}"`);
    }
  }
}
