/** Where the library reports what has no caller to throw at. */
export interface Logger {
  debug(message: string, details?: unknown): void;
  info(message: string, details?: unknown): void;
  warn(message: string, details?: unknown): void;
  error(message: string, details?: unknown): void;
}

function silent(): void {}

function toConsole(level: "warn" | "error"): (message: string, details?: unknown) => void {
  return (message, details) => {
    const said = details === undefined ? [message] : [message, details];
    // biome-ignore lint/suspicious/noConsole: where programs look until they set a logger
    console[level](...said);
  };
}

let current: Logger = {
  debug: silent,
  info: silent,
  warn: toConsole("warn"),
  error: toConsole("error"),
};

/** The logger in use; at first one that writes warnings and errors to the console. */
export function getLogger(): Logger {
  return current;
}

/** Replaces the logger for the whole process. */
export function setLogger(logger: Logger): void {
  current = logger;
}
