import {
  type Backend,
  type Case,
  modelSuite,
  reasonNotApplicable,
  runCase,
  type Suite,
} from "@workglow/conformance";
import { describe, expect, test } from "vitest";
import { BROKEN_CHANGES } from "./brokenChanges.ts";
import { BROKEN_KVS } from "./brokenKvs.ts";
import { BROKEN_TABLES } from "./brokenTables.ts";
import { BROKEN_ISOLATION } from "./brokenTransactions.ts";
import { BROKEN_VECTORS } from "./brokenVectors.ts";
import { type BrokenStorage, soundBackend } from "./memoryStorages.ts";

const ALL: readonly BrokenStorage[] = [
  ...BROKEN_TABLES,
  ...BROKEN_KVS,
  ...BROKEN_CHANGES,
  ...BROKEN_ISOLATION,
  ...BROKEN_VECTORS,
];

function caseOf(suite: Suite, name: string): Case {
  const found = suite.cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${suite.name} has no case "${name}"`);
  return found;
}

async function failureOf(one: Case, backend: Backend): Promise<Error | undefined> {
  try {
    await runCase(one, backend);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

describe("a broken storage fails the case that is to find it, and the sound one passes it", () => {
  for (const { defect, suite, foundBy, backend, failsWith = "ConformanceError" } of ALL) {
    test(`${defect} (${suite.name})`, async () => {
      const one = caseOf(suite, foundBy);
      expect(reasonNotApplicable(suite, one, backend)).toBeUndefined();
      expect(await failureOf(one, soundBackend)).toBeUndefined();
      const failure = await failureOf({ ...one, timeoutMs: 1_000 }, backend);
      expect(failure?.name, failure?.stack).toBe(failsWith);
    });
  }
});

const MOST_RUNS = 10;

describe("random calls find a broken storage too", () => {
  const found: Readonly<Record<string, string>> = {
    "rows with null are missing from an index":
      "random criteria, orders and pages give what filtering and sorting a list gives",
    "insert overwrites":
      "random calls give what a plain list of rows gives: results, events and changes",
    "changes come without old":
      "random calls give what a plain list of rows gives: results, events and changes",
    "deleting a row that is not there emits delete":
      "random calls give what a plain list of rows gives: results, events and changes",
    "a put is delayed past later calls":
      "random calls made at once give what they give one after the other",
    "generated ids are given again after deletes":
      "random given and generated keys never overwrite a row",
    "a prefix ends at U+FFFF":
      "random calls on keys and values give what a Map gives: results and events",
    "ties are in no order": "random searches among random writes give what scoring every row gives",
  };
  for (const [defect, name] of Object.entries(found)) {
    test(defect, async () => {
      const broken = ALL.find((one) => one.defect === defect) as BrokenStorage;
      // The calls are random: a run may happen to make none that shows the defect.
      let failure: Error | undefined;
      for (let run = 0; run < MOST_RUNS && failure === undefined; run++) {
        failure = await failureOf(caseOf(modelSuite, name), broken.backend);
      }
      expect(failure?.message).toMatch(/Counterexample/);
    }, 60_000);
  }
});
