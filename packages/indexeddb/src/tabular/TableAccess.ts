import {
  assertShape,
  indexesOf,
  type Migration,
  type Transaction,
  type WantedShape,
} from "@workglow/storage";
import { type CallOptions, StorageSchemaMismatchError } from "@workglow/util";
import type { ChangeWriter, TableChanges } from "../changes/TableChanges.ts";
import type { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";
import { type CallKind, type CallsOfStorage, StoreCalls } from "../connection/StoreCalls.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { isConnectionClosed, notSetUp } from "../indexedDbErrors.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import { prefixPart } from "../records/keyPart.ts";
import type { RecordCodec } from "../records/RecordCodec.ts";
import { LogTidying } from "../vector/LogTidying.ts";
import { assertVectors, type MadeVectors } from "../vector/makeVectors.ts";
import { VectorWriter } from "../vector/VectorWriter.ts";
import { type VectorRecord, type VectorsOfTable, vectorStore } from "../vector/vectorRecords.ts";
import { codecFor, definitionIn } from "./setUpTable.ts";
import { SIDE, sideStore } from "./sideStore.ts";
import { shapeOf, type TableDefinition } from "./TableDefinition.ts";

/** What a call on a table works with. */
export interface TableCall {
  readonly tx: StoreTransaction;
  readonly rows: IDBObjectStore;
  readonly codec: RecordCodec;
  /** Tells the subscribers; only in calls that write. */
  readonly writer: ChangeWriter;
  /** Keeps true what searches by vector go by, of a table that has such; only in calls that write. */
  readonly vectors: VectorWriter | undefined;
}

type TableWork<T> = (call: TableCall) => Promise<T>;

/** How often the browser may close the connection while the table's definition is read. */
const MOST_ATTEMPTS = 3;

/** What a table's calls need: its stores, its codec, and whether somebody listens to its changes. */
export class TableAccess implements CallsOfStorage {
  public readonly database: IndexedDbDatabase;
  public readonly name: string;
  /** The encoded values of the tenant's prefixes. */
  public readonly tenant: TenantParts;
  /** What the storage's searches by vector go by; to be set before the first call. */
  public wantedVectors: VectorsOfTable | undefined;
  public readonly shape: WantedShape;
  public readonly migrations: readonly Migration[];
  public readonly changes: TableChanges;
  /** Keeps the log short of what searches by vector go by. */
  public readonly logTidying: LogTidying = new LogTidying(this);
  private readonly calls: StoreCalls;
  private codec: RecordCodec | undefined;
  private vectors: MadeVectors | undefined;
  private readonly vectorWriters = new WeakMap<StoreTransaction, VectorWriter>();
  /** The connection on which the codec was found to be right. */
  private readyOn: IDBDatabase | undefined;

  public constructor(
    database: IndexedDbDatabase,
    name: string,
    shape: WantedShape,
    migrations: readonly Migration[],
  ) {
    this.database = database;
    this.name = name;
    this.shape = shape;
    this.migrations = migrations;
    this.tenant = shape.prefixes.map(prefixPart);
    this.changes = database.changes.table(name);
    this.calls = new StoreCalls(this);
  }

  public get stores(): readonly string[] {
    return [...this.readStores, sideStore(this.name)];
  }

  public get readStores(): readonly string[] {
    const { name, vectors } = this;
    return vectors === undefined ? [name] : [name, vectorStore(name)];
  }

  /** Which making of the table's vectors the present connection sees. */
  public get vectorsMade(): string {
    return (this.vectors as MadeVectors).made;
  }

  /** Runs a call that reads, in the user's transaction where there is one. */
  public read<T>(
    kind: CallKind,
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    work: TableWork<T>,
  ): Promise<T> {
    return scope === undefined
      ? this.calls.run(kind, "readonly", (tx) => work(this.call(tx, false)), o)
      : this.within(scope, false, work);
  }

  /** Runs a call that writes. */
  public write<T>(
    kind: CallKind,
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    work: TableWork<T>,
  ): Promise<T> {
    return scope === undefined
      ? this.calls.run(kind, "readwrite", (tx) => work(this.call(tx, true)), o)
      : this.within(scope, true, work);
  }

  public isReady(): boolean {
    return this.readyOn !== undefined && this.readyOn === this.database.connection;
  }

  public async prepare(): Promise<void> {
    const { database } = this;
    const side = sideStore(this.name);
    for (let attempt = 1; ; attempt++) {
      const db = await database.open();
      if (this.isReady()) return;
      try {
        await this.load(db, () =>
          request<TableDefinition | undefined>(
            database.begin([side], "readonly").objectStore(side).get(SIDE.shape),
          ),
        );
        return;
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !isConnectionClosed(error)) throw error;
      }
    }
  }

  public beginWrite(tx: StoreTransaction): ChangeWriter {
    const writer = this.changes.begin(tx);
    tx.notes.set(this.writerNote, writer);
    return writer;
  }

  /** Whether a row of the table may be refused for another one's sake. */
  public get hasUniqueIndex(): boolean {
    return this.codec?.indexes.some(({ unique }) => unique) === true;
  }

  /** Whether the writes of a transaction are logged for subscribers. */
  public isLogged(tx: StoreTransaction): boolean {
    return (tx.notes.get(this.writerNote) as ChangeWriter).logs;
  }

  private within<T>(scope: Transaction, writes: boolean, work: TableWork<T>): Promise<T> {
    return this.database.within(scope, async (tx) => {
      if (!this.isReady()) {
        await this.load(tx.raw.db, () => tx.get<TableDefinition>(sideStore(this.name), SIDE.shape));
      }
      if (writes) tx.notes.set(this.writerNote, await this.changes.ask(tx));
      return work(this.call(tx, writes));
    });
  }

  private async load(
    db: IDBDatabase,
    definition: () => Promise<TableDefinition | undefined>,
  ): Promise<void> {
    if (!db.objectStoreNames.contains(this.name)) throw notSetUp();
    const defined = await definitionIn(db, this.name, definition);
    const found = shapeOf(defined);
    assertShape(this.name, this.shape, found);
    this.assertSearchable(defined.vectors);
    this.vectors = defined.vectors;
    this.codec = codecFor(this.shape, indexesOf(found, this.shape.schema));
    this.readyOn = db;
  }

  private assertSearchable(made: MadeVectors | undefined): void {
    assertVectors(this.name, this.wantedVectors, made);
    if (this.wantedVectors === undefined || made !== undefined) return;
    throw new StorageSchemaMismatchError(`table "${this.name}" has no vectors to search by`, [
      "they are missing: call setupDatabase()",
    ]);
  }

  private call(tx: StoreTransaction, writes: boolean): TableCall {
    return {
      tx,
      rows: tx.store(this.name),
      codec: this.codec as RecordCodec,
      writer: tx.notes.get(this.writerNote) as ChangeWriter,
      vectors: writes ? this.vectorWriter(tx) : undefined,
    };
  }

  /** The calls of a transaction share one. */
  private vectorWriter(tx: StoreTransaction): VectorWriter | undefined {
    const { vectors, codec, tenant, vectorWriters } = this;
    if (vectors === undefined || codec === undefined) return undefined;
    const found = vectorWriters.get(tx);
    if (found !== undefined) return found;
    const column = codec.table.column(vectors.column);
    const { dimensions } = vectors;
    const wrote = (record: VectorRecord): void => this.logTidying.wrote(record, dimensions);
    const writer = new VectorWriter(tx, { table: this.name, column, dimensions, tenant, wrote });
    vectorWriters.set(tx, writer);
    return writer;
  }

  private get writerNote(): string {
    return `changes of ${this.name}`;
  }
}
