import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { memoryQueueBackend } from "../test/memoryQueueBackend.ts";

for (const suite of queueSuites) describeSuite(suite, memoryQueueBackend);
