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
import { sqliteBackend } from "./sqliteBackend.ts";

const suites = [
  kvSuite,
  tabularSuite,
  vectorSuite,
  subscriptionSuite,
  prefixSuite,
  transactionSuite,
  modelSuite,
];

for (const driver of ["better-sqlite3", "node:sqlite"] as const) {
  for (const suite of suites) describeSuite(suite, sqliteBackend(driver));
}
