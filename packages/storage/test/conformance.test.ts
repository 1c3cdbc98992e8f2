import {
  kvSuite,
  modelSuite,
  prefixSuite,
  subscriptionSuite,
  tabularSuite,
  transactionSuite,
  vectorSuite,
} from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { kvViaTabularBackend, memoryBackend, telemetryBackend } from "./memoryBackend.ts";

const suites = [
  kvSuite,
  tabularSuite,
  vectorSuite,
  subscriptionSuite,
  prefixSuite,
  transactionSuite,
  modelSuite,
];

for (const backend of [memoryBackend, telemetryBackend]) {
  for (const suite of suites) describeSuite(suite, backend);
}
describeSuite(kvSuite, kvViaTabularBackend);
