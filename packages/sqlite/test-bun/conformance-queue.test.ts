import { queueModelSuite, queueSuite, rateLimiterSuite } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/bun";
import { sqliteQueueBackend } from "../test/sqliteQueueBackend.ts";

for (const suite of [queueSuite, rateLimiterSuite, queueModelSuite]) {
  describeSuite(suite, sqliteQueueBackend("bun:sqlite"));
}
