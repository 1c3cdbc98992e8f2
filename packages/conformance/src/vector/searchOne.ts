import type { TestVector } from "../harness.ts";
import { idsOf } from "./assertRanking.ts";

export const QUERY = new Float32Array([1, 0, 0]);

export const search = async (storage: TestVector): Promise<unknown[]> =>
  idsOf(await storage.similaritySearch(QUERY, { topK: 100 }));
