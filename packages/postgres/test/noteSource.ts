import type { SqlChangeSource, SqlRow } from "@workglow/storage/sql";

export interface Note {
  readonly id: string;
  readonly body: string | null;
  readonly size: number | null;
}

export const notes: SqlChangeSource<Note> = {
  table: "notes",
  columns: [
    { name: "id", type: "text" },
    { name: "body", type: "text" },
    { name: "size", type: "double" },
  ],
  keyColumns: ["id"],
  where: [],
  decode: ([id, body, size]: SqlRow) => ({ id, body, size }) as Note,
};
