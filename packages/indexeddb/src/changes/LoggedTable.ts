import type { CommittedChange, Unsubscribe } from "@workglow/storage";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { sideStore } from "../tabular/sideStore.ts";
import type { WatchRecord } from "./changeRecords.ts";
import type { DatabaseChanges } from "./DatabaseChanges.ts";
import { LoggingWriter, type WrittenTable } from "./LoggingWriter.ts";
import type {
  ChangeSubscribeOptions,
  ChangeWriter,
  StoredChange,
  StoredChangeSource,
  TableChanges,
} from "./TableChanges.ts";
import { endLog } from "./TableLog.ts";

/** A writer looks for dead subscribers no more often than this, in ms. */
const SWEEP_INTERVAL_MS = 10_000;

/** The changes of one table, as one connection to its database knows them. */
export class LoggedTable implements TableChanges, WrittenTable {
  public readonly side: string;
  public believed = false;
  private readonly name: string;
  private readonly all: DatabaseChanges;
  private announcing = false;
  private sweptAt = Number.NEGATIVE_INFINITY;

  public constructor(all: DatabaseChanges, name: string) {
    this.all = all;
    this.name = name;
    this.side = sideStore(name);
  }

  public begin(tx: StoreTransaction): ChangeWriter {
    return LoggingWriter.begin(this, tx);
  }

  public ask(tx: StoreTransaction): Promise<ChangeWriter> {
    return LoggingWriter.ask(this, tx);
  }

  public subscribe<T>(
    source: StoredChangeSource<T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    options?: ChangeSubscribeOptions,
  ): Unsubscribe {
    const ofTable = {
      table: this.name,
      accepts: (change: StoredChange) => source.accepts(change),
      decode: (row: unknown) => source.decode(row),
    };
    return this.all.subscribe<T>(ofTable, callback, options);
  }

  public interrupt(tx: StoreTransaction): Promise<void> {
    return endLog(tx, this.side);
  }

  public announce(): void {
    if (this.announcing) return;
    this.announcing = true;
    // Once for all calls of a transaction.
    queueMicrotask(() => {
      this.announcing = false;
      this.all.announce(this.name);
    });
  }

  public found(watch: WatchRecord | undefined): void {
    this.believed = watch !== undefined;
    if (watch === undefined || watch.until > Date.now()) return;
    const now = performance.now();
    if (now - this.sweptAt < SWEEP_INTERVAL_MS) return;
    this.sweptAt = now;
    void this.sweep();
  }

  public sweep(): Promise<void> {
    return this.all.sweep(this.name);
  }
}
