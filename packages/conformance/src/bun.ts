import { describe, test } from "bun:test";
import { describeWith } from "./describeWith.ts";
import type { Backend, Suite } from "./harness.ts";

/** Registers a suite's cases with bun test. */
export function describeSuite(suite: Suite, backend: Backend): void {
  describeWith({ describe, test }, suite, backend);
}
