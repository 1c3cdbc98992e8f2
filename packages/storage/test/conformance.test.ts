import { kvSuite, storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { kvViaTabularBackend, memoryBackend, telemetryBackend } from "./memoryBackend.ts";

for (const backend of [memoryBackend, telemetryBackend]) {
  for (const suite of storageSuites) describeSuite(suite, backend);
}
describeSuite(kvSuite, kvViaTabularBackend);
