import { quoteIdentifier, type SqlDialect } from "@workglow/storage/sql";
import { sha256Hex, utf8ByteLength } from "@workglow/util";

const MAX_BYTES = 63;
/** Longer table names are cut, and told apart by a hash, to leave room for what stands before. */
const MOST_OF_TABLE = 36;
const MOST_OF_COLUMN = MAX_BYTES - "key:".length;

/** One row for each subscriber: how far it has read, and until when its lease lives. */
const SUBSCRIBERS = "_workglow_subscribers";

/** The kinds of a log's rows. */
export const OPENED = 0;
export const INSERT = 1;
export const UPDATE = 2;
export const DELETE = 3;
export const TRUNCATE = 4;

export const TRIGGERS = [
  "_workglow_insert",
  "_workglow_update",
  "_workglow_delete",
  "_workglow_truncate",
] as const;

type Qualifying = Pick<SqlDialect, "qualified">;

/** The names, as statements take them, of what belongs to the log of one table. */
export interface ChangeLogNames {
  readonly source: string;
  /** The log, a table. */
  readonly log: string;
  /** What the triggers call. */
  readonly logFunction: string;
  /** A sequence whose value is the time, in ms since 1970, until which changes are logged. */
  readonly gate: string;
  readonly subscribers: string;
}

export function changeLogNames(dialect: Qualifying, table: string): ChangeLogNames {
  const short = shortened(table, MOST_OF_TABLE);
  const log = dialect.qualified(`_workglow_changes_${short}`);
  return {
    source: dialect.qualified(table),
    log,
    logFunction: log,
    gate: dialect.qualified(`_workglow_gate_${short}`),
    subscribers: subscribersTable(dialect),
  };
}

export const subscribersTable = (dialect: Qualifying): string => dialect.qualified(SUBSCRIBERS);

/** The log's columns for one column of the table; the values of a key are the same on both sides. */
export interface LoggedColumn {
  /** The table's column, unquoted. */
  readonly name: string;
  readonly old: string;
  readonly new: string;
}

/** The columns of a log, unquoted, in the order of the table's. */
export function loggedColumns(
  names: readonly string[],
  keyColumns: readonly string[],
): readonly LoggedColumn[] {
  return [...new Set([...names, ...keyColumns])].map((name) => {
    const short = shortened(name, MOST_OF_COLUMN);
    const key = keyColumns.includes(name);
    return {
      name,
      old: key ? `key:${short}` : `old:${short}`,
      new: key ? `key:${short}` : `new:${short}`,
    };
  });
}

export const quote = (name: string): string => quoteIdentifier(name, MAX_BYTES);

function shortened(name: string, most: number): string {
  if (utf8ByteLength(name) <= most) return name;
  // Longer than any name that is kept as it is, and so never one of those.
  const hash = `~${sha256Hex(name).slice(0, 16)}`;
  const room = Math.min(most, MAX_BYTES - "_workglow_changes_".length) - hash.length;
  let cut = "";
  for (const character of name) {
    if (utf8ByteLength(cut + character) > room) break;
    cut += character;
  }
  return cut + hash;
}
