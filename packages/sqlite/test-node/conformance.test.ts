import {
  kvSuite,
  modelSuite,
  prefixSuite,
  queueSuite,
  rateLimiterSuite,
  subscriptionSuite,
  tabularSuite,
  transactionSuite,
  vectorSuite,
} from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/node";
import { sqliteBackend } from "../test/sqliteBackend.ts";
import { sqliteQueueBackend } from "../test/sqliteQueueBackend.ts";

const suites = [
  kvSuite,
  tabularSuite,
  vectorSuite,
  subscriptionSuite,
  prefixSuite,
  transactionSuite,
  modelSuite,
];

for (const suite of suites) describeSuite(suite, sqliteBackend("node:sqlite"));
for (const suite of [queueSuite, rateLimiterSuite]) {
  describeSuite(suite, sqliteQueueBackend("node:sqlite"));
}
