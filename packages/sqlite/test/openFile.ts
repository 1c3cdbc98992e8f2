import { createRequire } from "node:module";
import type { SqliteHandle } from "@workglow/sqlite";

export type SqliteDriverName = "better-sqlite3" | "node:sqlite" | "bun:sqlite";

type Constructor = new (path: string, options?: object) => SqliteHandle;

const require = createRequire(import.meta.url);

/** Opens a file as a user of the driver does. */
export function openFile(driver: SqliteDriverName, path: string): SqliteHandle {
  switch (driver) {
    case "better-sqlite3":
      return new (require("better-sqlite3") as Constructor)(path);
    case "node:sqlite": {
      const { DatabaseSync } = require("node:sqlite") as { readonly DatabaseSync: Constructor };
      return new DatabaseSync(path, { allowExtension: true });
    }
    case "bun:sqlite":
      return new (require("bun:sqlite") as { readonly Database: Constructor }).Database(path);
  }
}
