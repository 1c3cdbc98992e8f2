import type { Suite } from "../harness.ts";
import { writable } from "../requirements.ts";
import { fuzzCases } from "./fuzz.ts";
import { kvModelCases } from "./kvModel.ts";
import { type ModelOptions, modelOptionsFromEnvironment } from "./runs.ts";
import { tabularModelCases } from "./tabularModel.ts";
import { vectorModelCases } from "./vectorModel.ts";

/** Random tests against naive models. A failure's message holds the seed that repeats it. */
export function createModelSuite(options: ModelOptions): Suite {
  return {
    name: "random calls against a naive model",
    requires: [writable],
    cases: [
      ...tabularModelCases(options),
      ...kvModelCases(options),
      ...vectorModelCases(options),
      ...fuzzCases(options),
    ],
  };
}

/** The random tests as `WORKGLOW_MODEL_EFFORT` and `WORKGLOW_MODEL_SEED` say. */
export const modelSuite: Suite = createModelSuite(modelOptionsFromEnvironment());
