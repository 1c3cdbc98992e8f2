import type { Backend, KvSpec, TabularSpec, TestKv, VectorSpec } from "@workglow/conformance";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  KvViaTabularStorage,
  keyValueSchema,
  MemoryDatabase,
  TelemetryKvStorage,
  TelemetryTabularStorage,
  TelemetryVectorStorage,
  withTransaction,
} from "@workglow/storage";
import { typedArrayConstructors } from "@workglow/util/schema";

const anySchema = { type: "object", properties: { id: { type: "string" } } } as const;

function kv(
  database: MemoryDatabase,
  { keyType, table, options }: KvSpec,
): TestKv<string | number> {
  return new InMemoryKvStorage({ type: keyType }, undefined, { ...options, database, table });
}

function tabular(database: MemoryDatabase, { schema, primaryKey, indexes, ...spec }: TabularSpec) {
  const options = { ...optionsOf(spec), database, table: spec.table };
  return new InMemoryTabularStorage(schema, primaryKey, indexes, options);
}

function vector(database: MemoryDatabase, { schema, primaryKey, indexes, ...spec }: VectorSpec) {
  const options = { ...optionsOf(spec), database, table: spec.table };
  const vectorCtor = spec.vectorType && typedArrayConstructors[spec.vectorType];
  return new InMemoryVectorStorage(
    schema,
    primaryKey,
    indexes,
    spec.dimensions,
    vectorCtor,
    options,
  );
}

/** The cases give options in both forms that constructors take. */
function optionsOf({ options }: Pick<TabularSpec, "options">): object {
  return typeof options === "string" ? { clientProvidedKeys: options } : { ...options };
}

export const memoryBackend = {
  name: "memory",
  capabilities: new InMemoryTabularStorage(anySchema, ["id"]).capabilities,
  sharesTables: true,
  open: () => new MemoryDatabase(),
  close: () => {},
  kv,
  tabular,
  vector,
  withTransaction: (database, fn) => withTransaction(database, fn),
} satisfies Backend<MemoryDatabase>;

/** Key-value storage on rows instead of a map. */
export const kvViaTabularBackend = {
  ...memoryBackend,
  name: "memory, keys and values as rows",
  kv: (database, { keyType, table, options }) => {
    const schema = keyValueSchema({ type: keyType });
    return new KvViaTabularStorage(
      tabular(database, { schema, primaryKey: ["key"], table, options }),
    );
  },
} satisfies Backend<MemoryDatabase>;

/** Every storage behind its telemetry wrapper. */
export const telemetryBackend = {
  ...memoryBackend,
  name: "memory with telemetry",
  kv: (database, spec) => new TelemetryKvStorage(spec.table, kv(database, spec)),
  tabular: (database, spec) => new TelemetryTabularStorage(spec.table, tabular(database, spec)),
  vector: (database, spec) => new TelemetryVectorStorage(spec.table, vector(database, spec)),
} satisfies Backend<MemoryDatabase>;
