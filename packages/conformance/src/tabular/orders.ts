import type { Order } from "./reference.ts";

const COLUMNS = ["text", "number", "count", "flag", "at", "big", "bytes"];

export const asc = (column: string) => ({ column, direction: "ASC" }) as const;
export const desc = (column: string) => ({ column, direction: "DESC" }) as const;

/** Orders of one, two and three columns, in mixed directions. */
export const ORDERS: readonly Order[] = [
  [],
  ...COLUMNS.flatMap((column) => [[asc(column)], [desc(column)]]),
  [asc("flag"), asc("text")],
  [asc("flag"), desc("text")],
  [desc("flag"), asc("number")],
  [desc("number"), desc("text")],
  [asc("number"), asc("text")],
  [desc("text"), asc("number"), desc("big")],
  [asc("id")],
  [desc("id")],
  [asc("flag"), desc("id")],
  [desc("flag"), asc("id"), desc("text")],
];
