import type { StorageCall, StorageCallResult } from "./harness.ts";

/**
 * Makes calls on a storage, one after the other: what a backend's second process does for
 * `inOtherProcess`. Errors become data, as they have to travel.
 */
export async function performCalls(
  storage: object,
  calls: readonly StorageCall[],
): Promise<readonly StorageCallResult[]> {
  const results: StorageCallResult[] = [];
  for (const { method, args } of calls) {
    try {
      const fn = (storage as Record<string, (...args: readonly unknown[]) => unknown>)[method];
      if (fn === undefined) throw new TypeError(`there is no method "${method}"`);
      results.push({ value: await fn.apply(storage, args as unknown[]) });
    } catch (error) {
      results.push({ error: described(error) });
    }
  }
  return results;
}

function described(error: unknown): { name: string; kind: string; message: string } {
  const { name, kind, message } = error as { name?: unknown; kind?: unknown; message?: unknown };
  return { name: String(name), kind: String(kind), message: String(message) };
}
