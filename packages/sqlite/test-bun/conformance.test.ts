import {
  kvSuite,
  modelSuite,
  prefixSuite,
  subscriptionSuite,
  tabularSuite,
  transactionSuite,
  vectorSuite,
} from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/bun";
import { sqliteBackend } from "../test/sqliteBackend.ts";

const suites = [
  kvSuite,
  tabularSuite,
  vectorSuite,
  subscriptionSuite,
  prefixSuite,
  transactionSuite,
  modelSuite,
];

for (const suite of suites) describeSuite(suite, sqliteBackend("bun:sqlite"));
