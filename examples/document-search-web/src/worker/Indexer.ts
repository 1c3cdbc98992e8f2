import { type Embedder, workThroughJobs } from "@workglow/example-document-search-core";
import { sleep } from "@workglow/util";
import type { Library } from "../library/library.ts";
import { storedTexts } from "../library/storedTexts.ts";

const WORKERS = 2;
const PAUSE_AFTER_ERROR_MS = 2000;

/**
 * Works on the queue whenever there are jobs. Each tab has one; the queue sees to it that no job
 * runs in two, and that those of a closed tab go on in another.
 */
export class Indexer {
  private readonly library: Library;
  private readonly embedder: Embedder;
  private readonly onStuck: (error: unknown) => void;
  private working: Promise<void> | undefined;
  private wokenAgain = false;

  /** @param onStuck called with an error that stops the work, and with `undefined` when it goes on */
  public constructor(library: Library, embedder: Embedder, onStuck: (error: unknown) => void) {
    this.library = library;
    this.embedder = embedder;
    this.onStuck = onStuck;
  }

  /** To be called when there may be jobs. */
  public wake(): void {
    this.wokenAgain = true;
    this.working ??= this.work().finally(() => {
      this.working = undefined;
      // Woken between the last look at the queue and this moment.
      if (this.wokenAgain) this.wake();
    });
  }

  private async work(): Promise<void> {
    let stuck = false;
    while (this.wokenAgain) {
      this.wokenAgain = false;
      try {
        const texts = storedTexts(this.library);
        const onJob = (): void => {
          if (stuck) this.onStuck(undefined);
          stuck = false;
        };
        await workThroughJobs(this.library, this.embedder, texts, { workers: WORKERS, onJob });
        if (stuck) this.onStuck(undefined);
        stuck = false;
      } catch (error) {
        this.onStuck(error);
        stuck = true;
        this.wokenAgain = true;
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
  }
}
