import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { sqliteQueueBackend } from "./sqliteQueueBackend.ts";

for (const driver of ["better-sqlite3", "node:sqlite"] as const) {
  for (const suite of queueSuites) describeSuite(suite, sqliteQueueBackend(driver));
}
