import { StorageValidationError } from "@workglow/util";

/** A place in one log. Numbers of different logs have nothing to do with each other. */
export interface LogPosition {
  readonly log: string;
  /** The last change before this place has this number; 0 stands before the first. */
  readonly sequence: number;
}

export function formatPosition({ log, sequence }: LogPosition): string {
  return `${log}.${sequence}`;
}

/** @throws StorageValidationError for a text that no change carried */
export function parsePosition(text: string): LogPosition {
  const [, log, digits] = /^([0-9a-f]{1,64})\.(0|[1-9][0-9]{0,15})$/.exec(text) ?? [];
  const sequence = Number(digits);
  if (log === undefined || !Number.isSafeInteger(sequence)) {
    throw new StorageValidationError("since is a position that a change carried");
  }
  return { log, sequence };
}
