import type { Prefix } from "@workglow/storage";
import { designFor, type LibraryStores, tenantStoreName } from "./LibraryStores.ts";

/** When an execution happened. */
export interface StoredExecution {
  /** Given by the store. */
  readonly id?: number;
  /** Tenant, queue and time in ms. */
  readonly at: readonly IDBValidKey[];
}

/** What is known of one queue, under tenant and queue. */
export interface StoredLimits {
  readonly nextAvailableMs?: number;
  /** The longest window that was asked for: what is older has no effect any more. */
  readonly windowMs?: number;
}

/** Changes with the form of the records. */
const FORMAT = 1;

export interface LimiterStores extends LibraryStores {
  readonly executions: string;
  readonly limits: string;
}

/** The stores of all rate limiters with these tenant columns. */
export function limiterStores(prefixes: readonly Prefix[]): LimiterStores {
  const executions = tenantStoreName("job_rate_limit_executions", prefixes);
  const limits = tenantStoreName("job_rate_limit_next_available", prefixes);
  return {
    executions,
    limits,
    stores: [
      { name: executions, keyPath: "id", autoIncrement: true, indexes: ["at"] },
      { name: limits },
    ],
    described: limits,
    design: designFor(FORMAT, prefixes),
  };
}
