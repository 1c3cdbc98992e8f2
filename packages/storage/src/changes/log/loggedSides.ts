import type { LogEntry } from "./ChangeLog.ts";

/** A change as a log keeps it, and on which of its sides the row is the subscriber's. */
export interface LoggedSides<Row> {
  readonly type: "INSERT" | "UPDATE" | "DELETE";
  /** Whether the row before the change is the subscriber's; of no meaning for an INSERT. */
  readonly oldMatches: boolean;
  /** Whether the row after the change is the subscriber's; of no meaning for a DELETE. */
  readonly newMatches: boolean;
  readonly old: Row;
  readonly new: Row;
}

/** What the subscriber hears: a row that changes hands leaves one subscriber and reaches the other. */
export function subscribersChange<Row>(sides: LoggedSides<Row>): Omit<LogEntry<Row>, "position"> {
  const left = sides.type === "DELETE" || !sides.newMatches;
  const arrived = sides.type === "INSERT" || !sides.oldMatches;
  return {
    type: left ? "DELETE" : arrived ? "INSERT" : "UPDATE",
    old: arrived ? undefined : sides.old,
    new: left ? undefined : sides.new,
  };
}
