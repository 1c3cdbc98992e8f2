import type { Case } from "../harness.ts";
import { orderCases } from "./order.ts";
import { pageCases } from "./pages.ts";
import { readRefusalCases } from "./readRefusals.ts";

export const readCases: readonly Case[] = [...orderCases, ...pageCases, ...readRefusalCases];
