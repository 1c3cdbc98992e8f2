import { queueModelSuite, queueSuite, rateLimiterSuite } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { memoryQueueBackend, telemetryQueueBackend } from "./memoryQueueBackend.ts";

for (const suite of [queueSuite, rateLimiterSuite, queueModelSuite]) {
  describeSuite(suite, memoryQueueBackend);
}
describeSuite(queueSuite, telemetryQueueBackend);
