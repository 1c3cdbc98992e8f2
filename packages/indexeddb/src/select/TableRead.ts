import type { RecordCodec } from "../records/RecordCodec.ts";

/** What reads cost. */
export interface ReadStatistics {
  /** Rows that were loaded, whether they matched or not. */
  rowsRead: number;
  /** Keys that were loaded without their rows. */
  keysRead: number;
}

/** A table inside a transaction, to be read from. */
export interface TableRead {
  /** The row store. */
  readonly store: IDBObjectStore;
  readonly codec: RecordCodec;
  readonly statistics?: ReadStatistics | undefined;
  /** Looked at before each page; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}
