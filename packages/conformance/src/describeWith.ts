import {
  type Backend,
  DEFAULT_CASE_TIMEOUT_MS,
  reasonNotApplicable,
  type Suite,
} from "./harness.ts";
import { runCase } from "./runCase.ts";

/** The two functions of a test runner. */
export interface Runner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>, timeoutMs: number): void;
}

/** Beyond the case's own limit, for opening and closing its database. */
const MARGIN_MS = 10_000;

/**
 * Registers a suite's cases with a test runner. A case that does not apply to the backend stays in
 * the report, under a name that says why.
 */
export function describeWith({ describe, test }: Runner, suite: Suite, backend: Backend): void {
  describe(`${suite.name} · ${backend.name}`, () => {
    for (const testCase of suite.cases) {
      const reason = reasonNotApplicable(suite, testCase, backend);
      const limitMs = (testCase.timeoutMs ?? DEFAULT_CASE_TIMEOUT_MS) + MARGIN_MS;
      if (reason === undefined) test(testCase.name, () => runCase(testCase, backend), limitMs);
      else test(`not applicable (${reason}): ${testCase.name}`, async () => {}, limitMs);
    }
  });
}
