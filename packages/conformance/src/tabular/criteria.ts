import type { Case } from "../harness.ts";
import { combinationCases } from "./combinations.ts";
import { comparisonCases } from "./comparisons.ts";
import { criteriaRefusalCases } from "./criteriaRefusals.ts";

export const criteriaCases: readonly Case[] = [
  ...comparisonCases,
  ...combinationCases,
  ...criteriaRefusalCases,
];
