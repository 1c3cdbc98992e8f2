import type { Case } from "../harness.ts";
import { rankingCases } from "./ranking.ts";
import { searchOptionCases } from "./searchOptions.ts";

export const searchCases: readonly Case[] = [...rankingCases, ...searchOptionCases];
