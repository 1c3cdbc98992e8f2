// What every kind shares.
export * from "./base/Awaitable.ts";
export * from "./base/BaseStorage.ts";
export * from "./base/prefixes.ts";
export type * from "./base/StorageCapabilities.ts";
export * from "./changes/BoundedChangeLog.ts";
export * from "./changes/ChangeDelivery.ts";
export type * from "./changes/log/ChangeLog.ts";
export type * from "./changes/log/CommittedChange.ts";
export * from "./changes/log/LogChangeFeed.ts";
export * from "./changes/log/loggedSides.ts";
export * from "./changes/log/logPosition.ts";
// Key-value storage.
export * from "./kv/BaseKvStorage.ts";
export type * from "./kv/IKvStorage.ts";
export * from "./kv/InMemoryKvStorage.ts";
export * from "./kv/KvStorageRegistry.ts";
export * from "./kv/KvViaTabularStorage.ts";
export * from "./kv/keyValueSchema.ts";
export * from "./kv/TelemetryKvStorage.ts";
export * from "./memory/MemoryDatabase.ts";
export type * from "./memory/MemoryTransaction.ts";
export type * from "./memory/WriteUnit.ts";
export * from "./migrations/checkMigrations.ts";
export * from "./migrations/givenRow.ts";
export type * from "./migrations/Migration.ts";
export * from "./registry/createRepositoryRegistry.ts";
// Tabular storage.
export * from "./tabular/BaseTabularStorage.ts";
export * from "./tabular/compareRows.ts";
export * from "./tabular/compareValues.ts";
export * from "./tabular/criteria.ts";
export * from "./tabular/evaluatePredicate.ts";
export * from "./tabular/InMemoryTabularStorage.ts";
export type * from "./tabular/ITabularStorage.ts";
export * from "./tabular/Predicate.ts";
export * from "./tabular/patchedRow.ts";
export * from "./tabular/predicateText.ts";
export { giveKey } from "./tabular/rowKeys.ts";
export * from "./tabular/SelectPlan.ts";
export * from "./tabular/schema/Column.ts";
export * from "./tabular/schema/canonicalValue.ts";
export * from "./tabular/schema/dateTime.ts";
export * from "./tabular/schema/TableSchema.ts";
export * from "./tabular/schema/typedArrayFormat.ts";
export * from "./tabular/shape/planSetUp.ts";
export type * from "./tabular/shape/TableShape.ts";
export * from "./tabular/TabularOptions.ts";
export * from "./tabular/TabularStorageRegistry.ts";
export * from "./tabular/TelemetryTabularStorage.ts";
export * from "./telemetry/TracedStorage.ts";
export * from "./transaction/Transaction.ts";

// Vector storage.
export * from "./vector/index.ts";
export * from "./vector/TelemetryVectorStorage.ts";
export * from "./vector/VectorStorageRegistry.ts";
