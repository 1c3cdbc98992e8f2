import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { indexedDbBackend } from "./indexedDbBackend.ts";

for (const suite of queueSuites) describeSuite(suite, indexedDbBackend);
