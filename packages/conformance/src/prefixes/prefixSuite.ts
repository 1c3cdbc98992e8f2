import type { Suite } from "../harness.ts";
import { tabularStorage, writable } from "../requirements.ts";
import { definitionCases } from "./definitions.ts";
import { isolationCases } from "./isolation.ts";

/** Tenancy: what prefixes keep apart, and which prefixes there can be. */
export const prefixSuite: Suite = {
  name: "tenants",
  requires: [tabularStorage, writable],
  cases: [...isolationCases, ...definitionCases],
};
