import { describe, test } from "node:test";
import { describeWith } from "./describeWith.ts";
import type { Backend, Suite } from "./harness.ts";

/** Registers a suite's cases with node:test. */
export function describeSuite(suite: Suite, backend: Backend): void {
  const runner = {
    describe: (name: string, body: () => void) => void describe(name, body),
    test: (name: string, body: () => Promise<void>, timeout: number) =>
      void test(name, { timeout }, body),
  };
  describeWith(runner, suite, backend);
}
