import type { Case } from "../harness.ts";
import { deleteCases } from "./deletes.ts";
import { insertCases } from "./inserts.ts";
import { putCases } from "./puts.ts";
import { uniqueCases } from "./uniqueIndexes.ts";
import { updateCases } from "./updates.ts";

export const writeCases: readonly Case[] = [
  ...putCases,
  ...insertCases,
  ...uniqueCases,
  ...updateCases,
  ...deleteCases,
];
