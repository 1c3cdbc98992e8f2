import { createRequire } from "node:module";

/** What is used of the package. */
interface SqliteVec {
  getLoadablePath(): string;
}

interface ExtensibleHandle {
  prepare(text: string): unknown;
  loadExtension?(path: string): unknown;
  enableLoadExtension?(on: boolean): unknown;
}

const require = createRequire(import.meta.url);

/** Whether a database has the extension, and if not, what its loading failed of. */
export interface SqliteVecOutcome {
  readonly loaded: boolean;
  readonly failure?: unknown;
}

const outcomes = new WeakMap<object, SqliteVecOutcome>();

/**
 * Loads the sqlite-vec extension into a database, if it is not there, once for each handle. It
 * cannot where the package is not installed or has no binary for the platform, nor into a database
 * of node:sqlite that was opened without `allowExtension`.
 */
export function loadSqliteVec(handle: object): SqliteVecOutcome {
  let outcome = outcomes.get(handle);
  if (outcome === undefined) {
    outcome = load(handle as ExtensibleHandle);
    outcomes.set(handle, outcome);
  }
  return outcome;
}

function load(handle: ExtensibleHandle): SqliteVecOutcome {
  if (isLoaded(handle)) return { loaded: true };
  try {
    loadExtension(handle, (require("sqlite-vec") as SqliteVec).getLoadablePath());
  } catch (failure) {
    return { loaded: false, failure };
  }
  return { loaded: isLoaded(handle) };
}

function loadExtension(handle: ExtensibleHandle, path: string): void {
  try {
    handle.loadExtension?.(path);
    return;
  } catch (error) {
    if (handle.enableLoadExtension === undefined) throw error;
  }
  // node:sqlite has to allow it first, and then allows it to any statement, too.
  handle.enableLoadExtension(true);
  try {
    handle.loadExtension?.(path);
  } finally {
    handle.enableLoadExtension(false);
  }
}

function isLoaded(handle: ExtensibleHandle): boolean {
  try {
    handle.prepare("SELECT vec_version()");
    return true;
  } catch {
    return false;
  }
}
