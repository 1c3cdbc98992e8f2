import type {
  Backend,
  QueueSpec,
  RateLimiterSpec,
  TestQueue,
  TestRateLimiter,
} from "@workglow/conformance";
import { InMemoryQueueStorage, InMemoryRateLimiterStorage } from "@workglow/job-queue";
import { MemoryDatabase, withTransaction } from "@workglow/storage";

type MakeQueue = (database: MemoryDatabase, spec: QueueSpec) => TestQueue;
type MakeRateLimiter = (database: MemoryDatabase, spec: RateLimiterSpec) => TestRateLimiter;

export const makeQueue: MakeQueue = (database, { queueName, options }) =>
  new InMemoryQueueStorage(queueName, { ...options, database });

export const makeRateLimiter: MakeRateLimiter = (database, { options }) =>
  new InMemoryRateLimiterStorage({ ...options, database });

/** The in-memory queue and rate limiter, or others in their place. */
export function memoryBackend(
  queue: MakeQueue = makeQueue,
  rateLimiter: MakeRateLimiter = makeRateLimiter,
): Backend<MemoryDatabase> {
  return {
    name: "memory",
    capabilities: new InMemoryQueueStorage().capabilities,
    sharesTables: true,
    open: () => new MemoryDatabase(),
    close: () => {},
    queue,
    rateLimiter,
    withTransaction: (database, fn) => withTransaction(database, fn),
  };
}
