import type { Prefix } from "@workglow/storage";
import { sideStore } from "../tabular/sideStore.ts";
import { designFor, type LibraryStores, tenantStoreName } from "./LibraryStores.ts";

/** One lease for each storage instance, whatever its queue. */
export const LEASES_STORE = "_workglow_job_leases";

/** A lease as it is stored, by its instance. */
export interface StoredLease {
  readonly instance: string;
  readonly expiresMs: number;
  /** Whether the instance holds its Web Lock, which then says more than the time. */
  readonly locked: boolean;
}

/** Changes with the form of the records. */
const FORMAT = 1;

/** The stores of all queues whose storages have these tenant columns. */
export interface JobStores extends LibraryStores {
  readonly jobs: string;
  readonly side: string;
}

export function jobStores(prefixes: readonly Prefix[]): JobStores {
  const jobs = tenantStoreName("jobs", prefixes);
  const side = sideStore(jobs);
  return {
    jobs,
    side,
    stores: [
      {
        name: jobs,
        keyPath: "stored.id",
        autoIncrement: true,
        indexes: ["place", "timeout", "run", "done"],
      },
      { name: side, autoIncrement: true },
      { name: LEASES_STORE, keyPath: "instance" },
    ],
    described: side,
    design: designFor(FORMAT, prefixes),
  };
}
