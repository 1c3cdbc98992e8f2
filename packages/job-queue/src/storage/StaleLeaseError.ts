import { StorageError, type StorageErrorOptions } from "@workglow/util";

/**
 * The caller does not hold the job's attempt: its lease ran out and the job went to someone else,
 * it was given back, or no claim was ever made here. Nothing was changed. Code `STALE_LEASE`.
 */
export class StaleLeaseError extends StorageError {
  override get name(): string {
    return "StaleLeaseError";
  }

  /** The jobs whose attempts are not held. */
  readonly ids: readonly unknown[];

  constructor(ids: readonly unknown[], options?: StorageErrorOptions) {
    const jobs = ids.length === 1 ? `job ${String(ids[0])}` : `${ids.length} jobs`;
    super(`the attempt of ${jobs} is not held by this caller`, {
      ...options,
      kind: "invalid",
      code: options?.code ?? "STALE_LEASE",
    });
    this.ids = ids;
  }
}
