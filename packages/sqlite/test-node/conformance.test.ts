import { queueSuites, storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/node";
import { sqliteBackend } from "../test/sqliteBackend.ts";
import { sqliteQueueBackend } from "../test/sqliteQueueBackend.ts";

for (const suite of storageSuites) describeSuite(suite, sqliteBackend("node:sqlite"));
for (const suite of queueSuites) describeSuite(suite, sqliteQueueBackend("node:sqlite"));
