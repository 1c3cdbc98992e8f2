import { type CallOptions, getLogger } from "@workglow/util";
import { request } from "../connection/request.ts";
import type { CallKind } from "../connection/StoreCalls.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import type { RecordCodec } from "../records/RecordCodec.ts";
import { tidyLog } from "./tidyLog.ts";
import { tidyTail } from "./tidyTail.ts";
import { VectorCache } from "./VectorCache.ts";
import { bytesOfRecord, bytesOfRow, isSmallRecord, type VectorRecord } from "./vectorRecords.ts";

/** After so many small records of its own a writer sees to the log. */
const SMALL_RECORDS = 256;
/** The first time after so many, for the sake of those who never get so far. */
const FIRST_SMALL_RECORDS = 32;
/** It does nothing about fewer than these, its own and those of others. */
const LEAST_SMALL_RECORDS = 128;
/** After so many bytes of its own, and as many again as two copies of all vectors, it reads the log. */
const WASTE_BYTES = 2 ** 20;

interface TidyingCall {
  readonly tx: StoreTransaction;
  readonly rows: IDBObjectStore;
  readonly codec: Pick<RecordCodec, "all">;
}

/** The table whose log is tidied. */
interface LoggedTable {
  readonly name: string;
  readonly tenant: TenantParts;
  readonly vectorsMade: string;
  write<T>(
    kind: CallKind,
    scope: undefined,
    o: CallOptions | undefined,
    work: (call: TidyingCall) => Promise<T>,
  ): Promise<T>;
}

/**
 * Makes the log of a table's vectors shorter behind the callers' backs, where searches or the
 * writes of this storage have found that due. When it fails, the log is as right as before.
 */
export class LogTidying {
  /** What searches have read of the log, in a storage that has such. */
  public cache: VectorCache | undefined;
  private readonly of: LoggedTable;
  private readonly ended = new AbortController();
  private running: Promise<void> | undefined;
  private small = SMALL_RECORDS - FIRST_SMALL_RECORDS;
  private bytes = 0;
  /** Where it is to be looked at whether most of the log is of no more use. */
  private nextBytes = WASTE_BYTES;

  public constructor(of: LoggedTable) {
    this.of = of;
  }

  /** Takes notice of a record that this storage has written. */
  public wrote(record: VectorRecord, dimensions: number): void {
    this.bytes += bytesOfRecord(record);
    if (isSmallRecord(record, dimensions)) this.small++;
    if (this.small >= SMALL_RECORDS || this.bytes >= this.nextBytes) this.start(dimensions);
  }

  /** Tidies up, unless that is being done. */
  public start(dimensions: number): void {
    const { cache, ended, of } = this;
    if (ended.signal.aborted || (this.running ?? cache?.tidying) !== undefined) return;
    this.small = 0;
    this.running = of
      .write("alone", undefined, { signal: ended.signal }, (call) => this.tidy(call, dimensions))
      .catch((error: unknown) => {
        this.nextBytes = this.bytes + WASTE_BYTES;
        if (ended.signal.aborted) return;
        getLogger().debug(`The vectors of "${of.name}" are tidied up another time`, error);
      })
      .finally(() => {
        this.running = undefined;
        if (cache !== undefined) cache.tidying = undefined;
      });
    if (cache !== undefined) cache.tidying = this.running;
  }

  /** Gives up what is being done, and resolves once nothing is done any more. */
  public async end(): Promise<void> {
    this.ended.abort();
    await this.running;
  }

  private async tidy({ tx, rows, codec }: TidyingCall, dimensions: number): Promise<void> {
    const { name: table, tenant, vectorsMade: made } = this.of;
    const log = { tx, table, tenant, dimensions, made };
    if (this.cache?.isEmpty === false) {
      await tidyLog(log, this.cache);
      this.looked(this.cache.size, dimensions);
      return;
    }
    if (this.bytes >= this.nextBytes) {
      const count = await request(rows.count(codec.all));
      const limit = limitOf(count, dimensions);
      if (this.bytes >= limit) {
        // Not for searches: they may never be made.
        await tidyLog(log, new VectorCache(dimensions));
        this.looked(count, dimensions);
        return;
      }
      this.nextBytes = limit;
    }
    await tidyTail(log, LEAST_SMALL_RECORDS);
  }

  private looked(rows: number, dimensions: number): void {
    this.bytes = 0;
    this.nextBytes = limitOf(rows, dimensions);
  }
}

function limitOf(rows: number, dimensions: number): number {
  return WASTE_BYTES + 2 * rows * bytesOfRow(dimensions);
}
