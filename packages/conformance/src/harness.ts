import type {
  IKvStorage,
  IndexList,
  ITabularStorage,
  IVectorStorage,
  PrefixOptions,
  StorageCapabilities,
  TabularStorageOptions,
  Transaction,
} from "@workglow/storage";
import type { DataPortSchemaObject, TypedArrayName } from "@workglow/util/schema";
import type { QueueSpec, RateLimiterSpec, TestQueue, TestRateLimiter } from "./queue/QueueSpec.ts";

/** Rows, keys and metadata as the cases see them. */
export type TestRow = Record<string, unknown>;

export type TestTabular = ITabularStorage<
  DataPortSchemaObject,
  readonly string[],
  TestRow,
  TestRow,
  TestRow
>;
export type TestKv<Key extends string | number = string> = IKvStorage<Key, unknown>;
export type TestVector = IVectorStorage<
  TestRow,
  DataPortSchemaObject,
  TestRow,
  readonly string[],
  TestRow,
  TestRow
>;

export interface KvSpec {
  readonly table: string;
  readonly keyType: "string" | "number";
  readonly options?: PrefixOptions;
}

export interface TabularSpec {
  readonly table: string;
  readonly schema: DataPortSchemaObject;
  readonly primaryKey: readonly string[];
  readonly indexes?: IndexList;
  readonly options?: TabularStorageOptions;
}

export interface VectorSpec extends TabularSpec {
  readonly dimensions: number;
  /** `Float32Array` unless given. */
  readonly vectorType?: TypedArrayName;
}

/** A call of a storage's method, as data that can travel to another process. */
export interface StorageCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

export type StorageCallResult =
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly kind: string; readonly message: string } };

/** What another process is to do: make the storage, make the calls one after the other. */
export type RemoteWork = { readonly calls: readonly StorageCall[] } & (
  | { readonly kind: "kv"; readonly spec: KvSpec }
  | { readonly kind: "tabular"; readonly spec: TabularSpec }
  | { readonly kind: "vector"; readonly spec: VectorSpec }
);

/**
 * What the author of a backend writes. `Database` is whatever stands for one open database: a
 * handle, a pool, a name. Methods that a backend does not have are left out; the cases that need
 * them are then listed as not applicable. A storage comes as its constructor leaves it: the cases
 * call `setupDatabase()` and dispose of it.
 */
export interface Backend<Database = unknown> {
  readonly name: string;
  /** Those of the storages that it makes. */
  readonly capabilities: StorageCapabilities;
  /**
   * Whether two storages of one table see the same rows; where every instance has rows of its own
   * the cases with a second instance or tenant do not apply.
   */
  readonly sharesTables: boolean;

  /** Opens a fresh, empty database for one case. */
  open(): Database | Promise<Database>;
  /** Closes it and removes its data. */
  close(database: Database): void | Promise<void>;

  kv?(database: Database, spec: KvSpec): TestKv<string | number>;
  tabular?(database: Database, spec: TabularSpec): TestTabular;
  vector?(database: Database, spec: VectorSpec): TestVector;
  queue?(database: Database, spec: QueueSpec): TestQueue;
  rateLimiter?(database: Database, spec: RateLimiterSpec): TestRateLimiter;

  /** One transaction over all storages of the database. */
  withTransaction?<T>(database: Database, fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Closes the database and opens the same data again, as a restart does. */
  reopen?(database: Database): Database | Promise<Database>;
  /** Opens a second connection to the same data. `close` is called for it too, before the first. */
  connect?(database: Database): Database | Promise<Database>;
  /** Does the work in another process (or tab, or worker), with `performCalls` there. */
  inOtherProcess?(database: Database, work: RemoteWork): Promise<readonly StorageCallResult[]>;
}

/** Leaves the table to be named by the harness: a fresh name for each storage. */
export type Unnamed<Spec extends { readonly table: string }> = Omit<Spec, "table"> & {
  readonly table?: string;
};

/** One connection to the case's database. */
export interface Connection {
  /** Makes a storage, sets it up, and destroys it when the case ends. */
  kv(spec?: Partial<KvSpec>): Promise<TestKv>;
  kvByNumber(spec?: Partial<KvSpec>): Promise<TestKv<number>>;
  tabular(spec: Unnamed<TabularSpec>): Promise<TestTabular>;
  vector(spec: Unnamed<VectorSpec>): Promise<TestVector>;
  queue(spec?: Partial<QueueSpec>): Promise<TestQueue>;
  rateLimiter(spec?: RateLimiterSpec): Promise<TestRateLimiter>;
  /** Makes a storage as its constructor leaves it, for cases about construction and set-up. */
  constructTabular(spec: Unnamed<TabularSpec>): TestTabular;
  constructVector(spec: Unnamed<VectorSpec>): TestVector;
  constructQueue(spec?: Partial<QueueSpec>): TestQueue;
  constructRateLimiter(spec?: RateLimiterSpec): TestRateLimiter;
  withTransaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** What a case works with. */
export interface CaseContext extends Connection {
  readonly backend: Backend;
  readonly capabilities: StorageCapabilities;
  /** A table name that nobody else uses. */
  freshTable(): string;
  /** Destroys all storages made so far, then closes and opens the same data again. */
  reopen(): Promise<void>;
  connect(): Promise<Connection>;
  inOtherProcess(work: RemoteWork): Promise<readonly StorageCallResult[]>;
}

/** Something that a case needs of a backend. */
export interface Requirement {
  /** Completes the sentence "this case needs …". */
  readonly needs: string;
  readonly met: (backend: Backend) => boolean;
}

/** One promise, as plain data. It holds when `run` resolves. */
export interface Case {
  readonly name: string;
  readonly requires?: readonly Requirement[];
  /** For cases that work longer than {@link DEFAULT_CASE_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  readonly run: (context: CaseContext) => Promise<void>;
}

export interface Suite {
  readonly name: string;
  /** What every case of the suite needs. */
  readonly requires: readonly Requirement[];
  readonly cases: readonly Case[];
}

export const DEFAULT_CASE_TIMEOUT_MS = 10_000;

/** Why a case does not apply to a backend; `undefined` where it does. */
export function reasonNotApplicable(
  suite: Suite,
  { requires = [] }: Case,
  backend: Backend,
): string | undefined {
  const missing = [...suite.requires, ...requires].filter(({ met }) => !met(backend));
  if (missing.length === 0) return undefined;
  return `needs ${missing.map(({ needs }) => needs).join(" and ")}`;
}
