import type { Backend, TabularSpec } from "@workglow/conformance";
import {
  InMemoryQueueStorage,
  InMemoryRateLimiterStorage,
  TelemetryQueueStorage,
} from "@workglow/job-queue";
import { InMemoryTabularStorage, MemoryDatabase, withTransaction } from "@workglow/storage";

function tabular(database: MemoryDatabase, { table, schema, primaryKey, indexes }: TabularSpec) {
  return new InMemoryTabularStorage(schema, primaryKey, indexes, { database, table });
}

/** Queues and rate limiters in memory, and rows that join their transactions. */
export const memoryQueueBackend = {
  name: "memory",
  capabilities: new InMemoryQueueStorage().capabilities,
  sharesTables: true,
  open: () => new MemoryDatabase(),
  close: () => {},
  tabular,
  queue: (database, { queueName, options }) =>
    new InMemoryQueueStorage(queueName, { ...options, database }),
  rateLimiter: (database, { options }) => new InMemoryRateLimiterStorage({ ...options, database }),
  withTransaction: (database, fn) => withTransaction(database, fn),
} satisfies Backend<MemoryDatabase>;

/** Every queue behind its telemetry wrapper. */
export const telemetryQueueBackend = {
  ...memoryQueueBackend,
  name: "memory with telemetry",
  queue: (database, spec) =>
    new TelemetryQueueStorage(spec.queueName, memoryQueueBackend.queue(database, spec)),
} satisfies Backend<MemoryDatabase>;
