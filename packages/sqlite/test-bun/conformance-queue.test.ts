import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/bun";
import { sqliteQueueBackend } from "../test/sqliteQueueBackend.ts";

for (const suite of queueSuites) describeSuite(suite, sqliteQueueBackend("bun:sqlite"));
