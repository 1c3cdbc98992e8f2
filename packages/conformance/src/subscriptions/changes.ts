import type { TestRow } from "../harness.ts";
import type { SeenChange } from "./watchChanges.ts";

export const insert = (row: TestRow): SeenChange => ({ type: "INSERT", new: row });
export const update = (old: TestRow, next: TestRow): SeenChange => ({
  type: "UPDATE",
  old,
  new: next,
});
export const removal = (old: TestRow): SeenChange => ({ type: "DELETE", old });

export const byId = (a: SeenChange, b: SeenChange): number =>
  String((a.old ?? a.new)?.id) < String((b.old ?? b.new)?.id) ? -1 : 1;
