import type { Backend } from "@workglow/conformance";
import type { PostgresHandle } from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";

/** A backend of rows and vectors, with queues and rate limiters that join its transactions. */
export function withQueues<
  Database extends { readonly handle: PostgresHandle; readonly schema: string },
>(backend: Backend<Database>): Backend<Database> {
  return {
    ...backend,
    queue: ({ handle, schema }, { queueName, options }) =>
      new PostgresQueueStorage(handle, queueName, { ...options, schema }),
    rateLimiter: ({ handle, schema }, { options }) =>
      new PostgresRateLimiterStorage(handle, { ...options, schema }),
  };
}
