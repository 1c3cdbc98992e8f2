import type { Suite } from "../harness.ts";
import { tabularStorage, transactions, writable } from "../requirements.ts";
import { commitCases } from "./commits.ts";
import { isolationCases } from "./isolation.ts";
import { jointCases } from "./joint.ts";
import { misuseCases } from "./misuse.ts";
import { savepointCases } from "./savepoints.ts";

/** Transactions: commit, rollback, isolation, savepoints, misuse, several storages at once. */
export const transactionSuite: Suite = {
  name: "transactions",
  requires: [tabularStorage, transactions, writable],
  cases: [...commitCases, ...isolationCases, ...savepointCases, ...jointCases, ...misuseCases],
};
