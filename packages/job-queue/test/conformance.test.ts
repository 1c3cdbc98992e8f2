import { queueSuite, queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { memoryQueueBackend, telemetryQueueBackend } from "./memoryQueueBackend.ts";

for (const suite of queueSuites) describeSuite(suite, memoryQueueBackend);
describeSuite(queueSuite, telemetryQueueBackend);
