import { type Backend, vectorSuite } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { SqliteVectorStorage } from "@workglow/sqlite";
import { typedArrayConstructors } from "@workglow/util/schema";
import { type SqliteFile, sqliteBackend } from "./sqliteBackend.ts";

// Where the database computes distances, and where all vectors are read.
for (const driver of ["better-sqlite3", "node:sqlite"] as const) {
  for (const sqliteVec of ["required", "off"] as const) {
    const backend: Backend<SqliteFile> = {
      ...sqliteBackend(driver),
      name: `SQLite on ${driver}, sqlite-vec ${sqliteVec}`,
      vector: (file, { table, schema, primaryKey, indexes, dimensions, vectorType, options }) =>
        new SqliteVectorStorage(
          file.handle,
          table,
          schema,
          primaryKey,
          indexes,
          dimensions,
          vectorType && typedArrayConstructors[vectorType],
          { ...options, sqliteVec },
        ),
    };
    describeSuite(vectorSuite, backend);
  }
}
