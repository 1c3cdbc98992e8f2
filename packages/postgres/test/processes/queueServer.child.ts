/**
 * Calls methods of a queue and a rate limiter for its parent. `queueServer.child.ts URL SCHEMA LEASE_MS`
 */
import type { StorageCall } from "@workglow/conformance";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import pg from "pg";

const [url, schema, leaseMs] = process.argv.slice(2) as [string, string, string];
const pool = new pg.Pool({ connectionString: url, max: 4 });
const storages = {
  queue: new PostgresQueueStorage(pool, "jobs", { schema, leaseMs: Number(leaseMs) }),
  limiter: new PostgresRateLimiterStorage(pool, { schema }),
};

type Request = StorageCall & { readonly of: keyof typeof storages };

process.on("message", async ({ of, method, args }: Request) => {
  const storage = storages[of] as unknown as Record<string, (...args: unknown[]) => unknown>;
  try {
    process.send?.({ value: await storage[method]?.(...args) });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
process.send?.({ value: "ready" });
