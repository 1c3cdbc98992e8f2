import { queueModelSuite, queueSuite, rateLimiterSuite } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { memoryQueueBackend } from "./memoryQueueBackend.ts";

for (const suite of [queueModelSuite, queueSuite, rateLimiterSuite])
  describeSuite(suite, memoryQueueBackend);
