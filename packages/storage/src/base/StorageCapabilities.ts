/**
 * What a backend can do. Users read it before they rely on a feature; the conformance suite reads
 * the same object to decide which cases apply.
 */
export interface StorageCapabilities {
  /** Short backend name for diagnostics and telemetry (`memory`, `sqlite`, …). Never branch on it. */
  readonly backend: string;
  /** Data outlives the process. */
  readonly persistent: boolean;
  /** Several processes (or tabs) may work on the same data at the same time. */
  readonly multiProcess: boolean;
  /** `transaction()` and `withTransaction()` are available. */
  readonly transactions: boolean;
  /** Reads made elsewhere wait until an open transaction has ended; if not, they see what was before. */
  readonly readsWait?: boolean;
  /** Whose changes `subscribeToChanges` delivers: every writer's, those of this process, or nobody's. */
  readonly changes: "all-processes" | "this-process" | "none";
  /** The storage accepts writes. */
  readonly writable: boolean;
  /** Where an abort signal or a timeout takes effect. */
  readonly cancellation: "statement" | "between-statements";
  /** `schemaSql()` prints the statements that set the storage up. */
  readonly schemaSql: boolean;
}
