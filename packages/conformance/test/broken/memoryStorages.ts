import type {
  Backend,
  KvSpec,
  Suite,
  TabularSpec,
  TestKv,
  TestTabular,
  TestVector,
  VectorSpec,
} from "@workglow/conformance";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  MemoryDatabase,
  type TabularStorageOptions,
  withTransaction,
} from "@workglow/storage";
import { typedArrayConstructors } from "@workglow/util/schema";
import { type Alteration, altered } from "../broken-queue/altered.ts";

/** One defect of a storage, and the case that has to find it. */
export interface BrokenStorage {
  readonly defect: string;
  readonly suite: Suite;
  readonly foundBy: string;
  /** The name of the error with which the case fails; `ConformanceError` unless given. */
  readonly failsWith?: string;
  readonly backend: Backend<MemoryDatabase>;
}

function makeKv(database: MemoryDatabase, { keyType, table, options }: KvSpec) {
  return new InMemoryKvStorage<string | number, unknown>({ type: keyType }, undefined, {
    ...options,
    database,
    table,
  });
}

export function makeTabular(database: MemoryDatabase, spec: TabularSpec): TestTabular {
  const { schema, primaryKey, indexes, table } = spec;
  const options = { ...optionsOf(spec), database, table };
  return new InMemoryTabularStorage(schema, primaryKey, indexes, options);
}

function makeVector(database: MemoryDatabase, spec: VectorSpec): TestVector {
  const { schema, primaryKey, indexes, table, dimensions, vectorType } = spec;
  const options = { ...optionsOf(spec), database, table };
  const vectorCtor = vectorType && typedArrayConstructors[vectorType];
  return new InMemoryVectorStorage(schema, primaryKey, indexes, dimensions, vectorCtor, options);
}

/** The cases give options in both forms that constructors take. */
export function optionsOf({ options }: Pick<TabularSpec, "options">): TabularStorageOptions {
  return typeof options === "string" ? { clientProvidedKeys: options } : { ...options };
}

const anySchema = { type: "object", properties: { id: { type: "string" } } } as const;

/** Storages in memory, without a defect. */
export const soundBackend = {
  name: "memory",
  capabilities: new InMemoryTabularStorage(anySchema, ["id"]).capabilities,
  sharesTables: true,
  open: () => new MemoryDatabase(),
  close: () => {},
  kv: makeKv,
  tabular: makeTabular,
  vector: makeVector,
  withTransaction: (database, fn) => withTransaction(database, fn),
} satisfies Backend<MemoryDatabase>;

/** The sound backend with some methods of its tabular storages done differently. */
export const withTabular = (alteration: Alteration<TestTabular>): Backend<MemoryDatabase> => ({
  ...soundBackend,
  tabular: (database, spec) => altered(makeTabular(database, spec), alteration),
});

export const withKv = (
  alteration: Alteration<TestKv<string | number>>,
): Backend<MemoryDatabase> => ({
  ...soundBackend,
  kv: (database, spec) => altered(makeKv(database, spec), alteration),
});

export const withVector = (alteration: Alteration<TestVector>): Backend<MemoryDatabase> => ({
  ...soundBackend,
  vector: (database, spec) => altered(makeVector(database, spec), alteration),
});
