import { type Remote, wrap } from "comlink";
import type { LibraryService } from "./LibraryService.ts";

export interface Connection {
  /** Call `open` first, with a listener that is a `proxy`. */
  readonly library: Remote<LibraryService>;
  /** Ends the worker at once. Its jobs go on in another tab, or when the page is opened again. */
  close(): void;
}

/**
 * Starts a worker for the library.
 *
 * @param onBroken called when the worker cannot start; calls to it are never answered then
 */
export function connect(onBroken: (error: Error) => void): Connection {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("error", (event) => {
    onBroken(new Error(event.message || "The worker of this page does not start."));
  });
  return { library: wrap<LibraryService>(worker), close: () => worker.terminate() };
}
