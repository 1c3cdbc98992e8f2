import type { WriteUnit } from "../../memory/WriteUnit.ts";
import type { Migration } from "../../migrations/Migration.ts";
import { planSetUp } from "../shape/planSetUp.ts";
import type { WantedShape } from "../shape/TableShape.ts";
import type { MemoryTable } from "./MemoryTable.ts";

/**
 * Brings a table that another storage has made to the schema of this one.
 *
 * @param wanted what the storage's schema says, with the newest of `migrations` as version
 * @throws StorageSchemaMismatchError for a table that only a migration can bring to the schema
 * @throws StorageConflictError when rows share the values of a new unique index
 */
export function setUpMemoryTable(
  name: string,
  table: MemoryTable,
  wanted: WantedShape,
  migrations: readonly Migration[],
  unit: WriteUnit,
): void {
  if (table.shape === wanted) return;
  const plan = planSetUp(name, wanted, table.shape, migrations);
  if (plan !== undefined) table.reshape(plan.shape, plan.rewrite, unit);
}
