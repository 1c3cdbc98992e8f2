/** One committed change. `RESYNC` has neither row: what came before `position` is not known. */
export interface CommittedChange<T> {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old?: T;
  readonly new?: T;
  readonly position: string;
}
