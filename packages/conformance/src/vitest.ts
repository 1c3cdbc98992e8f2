import { describe, test } from "vitest";
import { describeWith } from "./describeWith.ts";
import type { Backend, Suite } from "./harness.ts";

/** Registers a suite's cases with vitest. */
export function describeSuite(suite: Suite, backend: Backend): void {
  describeWith(
    { describe, test: (name, body, ms) => test(name, { timeout: ms }, body) },
    suite,
    backend,
  );
}
