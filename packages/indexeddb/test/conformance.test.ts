import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { indexedDbBackend } from "./indexedDbBackend.ts";

for (const suite of storageSuites) describeSuite(suite, indexedDbBackend);
