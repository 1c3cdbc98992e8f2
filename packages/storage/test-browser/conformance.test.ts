import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { memoryBackend } from "../test/memoryBackend.ts";

for (const suite of storageSuites) describeSuite(suite, memoryBackend);
