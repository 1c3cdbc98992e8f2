import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { sqliteBackend } from "./sqliteBackend.ts";

for (const driver of ["better-sqlite3", "node:sqlite"] as const) {
  for (const suite of storageSuites) describeSuite(suite, sqliteBackend(driver));
}
