import { sleep } from "@workglow/util";
import type { Library } from "../library/library.ts";

/** Changes come in hundreds while documents are indexed; people need a few of them a second. */
const LEAST_INTERVAL_MS = 120;
const PAUSE_AFTER_ERROR_MS = 2000;

/**
 * Calls `onChange` soon after anything has changed, in whatever tab: at once when all was quiet,
 * and then again once the last call has settled. Where it fails it is called again after a pause.
 * Resolves when it is on the watch.
 */
export async function watchLibrary(
  { documents, jobs }: Library,
  onChange: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  let changed = false;
  let telling = false;
  const tell = async (): Promise<void> => {
    changed = true;
    if (telling) return;
    telling = true;
    while (changed) {
      changed = false;
      try {
        await onChange();
        await sleep(LEAST_INTERVAL_MS);
      } catch (error) {
        onError(error);
        changed = true;
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
    telling = false;
  };
  const note = (): void => void tell();
  await Promise.all([
    documents.subscribeToChanges(note).ready,
    jobs.subscribeToChanges(note).ready,
  ]);
}
