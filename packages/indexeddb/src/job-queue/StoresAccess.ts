import type { Transaction } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type { ChangeWriter, TableChanges } from "../changes/TableChanges.ts";
import type { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { type CallKind, type CallsOfStorage, StoreCalls } from "../connection/StoreCalls.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { notSetUp } from "../indexedDbErrors.ts";
import { type LibraryStores, refuseOthers } from "./LibraryStores.ts";

type StoresWork<T> = (tx: StoreTransaction) => Promise<T>;

/** How the calls of one storage reach stores of the library's own design. */
export class StoresAccess implements CallsOfStorage {
  public readonly database: IndexedDbDatabase;
  public readonly stores: readonly string[];
  private readonly wanted: LibraryStores;
  private readonly changes: TableChanges | undefined;
  private readonly ready: () => Promise<void> | undefined;
  private readonly calls: StoreCalls;
  /** The connection on which the stores were found to be right. */
  private readyOn: IDBDatabase | undefined;

  /**
   * @param changes where the stores' changes are told
   * @param ready what calls have to wait for beside the stores, `undefined` for nothing
   */
  public constructor(
    database: IndexedDbDatabase,
    wanted: LibraryStores,
    changes?: TableChanges,
    ready: () => Promise<void> | undefined = () => undefined,
  ) {
    this.database = database;
    this.wanted = wanted;
    this.stores = wanted.stores.map(({ name }) => name);
    this.changes = changes;
    this.ready = ready;
    this.calls = new StoreCalls(this);
  }

  /** Runs a call, in the user's transaction where there is one. */
  public run<T>(
    kind: CallKind,
    mode: IDBTransactionMode,
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    work: StoresWork<T>,
  ): Promise<T> {
    if (scope === undefined) return this.calls.run(kind, mode, work, o);
    return this.database.within(scope, async (tx) => {
      if (!this.isOpen()) await this.check(tx.raw.db, () => tx.raw);
      if (mode === "readwrite") await this.askWriter(tx);
      return work(tx);
    });
  }

  /** What tells the changes of a transaction that writes. */
  public writerOf(tx: StoreTransaction): ChangeWriter | undefined {
    return tx.notes.get(this.writerNote) as ChangeWriter | undefined;
  }

  public isReady(): boolean {
    return this.isOpen() && this.ready() === undefined;
  }

  public async prepare(): Promise<void> {
    const db = await this.database.open();
    if (!this.isOpen()) await this.check(db, (stores) => db.transaction(stores, "readonly"));
    await this.ready();
  }

  public beginWrite(tx: StoreTransaction): ChangeWriter | undefined {
    const writer = this.changes?.begin(tx);
    if (writer !== undefined) tx.notes.set(this.writerNote, writer);
    return writer;
  }

  private async askWriter(tx: StoreTransaction): Promise<void> {
    if (this.changes === undefined) return;
    tx.notes.set(this.writerNote, await this.changes.ask(tx));
  }

  private isOpen(): boolean {
    return this.readyOn !== undefined && this.readyOn === this.database.connection;
  }

  private async check(
    db: IDBDatabase,
    begin: (stores: readonly string[]) => IDBTransaction,
  ): Promise<void> {
    const found = this.stores.filter((name) => db.objectStoreNames.contains(name));
    if (found.length > 0) await refuseOthers(begin(found), this.wanted);
    if (found.length < this.stores.length) throw notSetUp();
    this.readyOn = db;
  }

  private get writerNote(): string {
    return `changes of ${this.wanted.described}`;
  }
}
