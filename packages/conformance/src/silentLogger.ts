import { getLogger, setLogger } from "@workglow/util";

/** Runs `work` with a logger that keeps the errors instead of printing them; gives their number. */
export async function withSilentLogger(work: () => Promise<void>): Promise<number> {
  const before = getLogger();
  let errors = 0;
  const report = (): void => {
    errors++;
  };
  const ignore = (): void => {};
  setLogger({ debug: ignore, info: ignore, warn: report, error: report });
  try {
    await work();
    return errors;
  } finally {
    setLogger(before);
  }
}
