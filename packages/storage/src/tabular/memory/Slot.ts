import type { Row } from "../schema/TableSchema.ts";

/**
 * The place of one key. Indexes hold slots, so that a row whose indexed values stay can be replaced
 * without a search in any of them.
 */
export interface Slot {
  row: Row;
}
