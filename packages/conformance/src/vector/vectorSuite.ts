import type { Suite, TestVector } from "../harness.ts";
import { lifecycleCases } from "../lifecycleCases.ts";
import { vectorStorage, writable } from "../requirements.ts";
import { filterCases } from "./filters.ts";
import { freshnessCases } from "./freshness.ts";
import { likeMemoryCases } from "./likeMemory.ts";
import { refusalCases } from "./refusals.ts";
import { rowCases } from "./rows.ts";
import { searchCases } from "./search.ts";
import { QUERY } from "./searchOne.ts";
import { chunk, chunks } from "./tables.ts";

let added = 0;

const lifecycle = lifecycleCases<TestVector>((c) => c.vector(chunks), {
  reads: {
    similaritySearch: (storage, o) => storage.similaritySearch(QUERY, o),
    get: (storage, o) => storage.get({ id: "key" }, o),
    size: (storage, o) => storage.size(o),
  },
  writes: {
    put: (storage, o) => storage.put(chunk("key", [1, 0, 0]), o),
    deleteAll: (storage, o) => storage.deleteAll(o),
  },
  iterations: { records: (storage, o) => storage.records(1, o) },
  add: (storage) => storage.put(chunk(`added ${added++}`, [1, 0, 0])),
});

/** Vector storage: exact search, filters, freshness, what is refused, and that it is tabular. */
export const vectorSuite: Suite = {
  name: "vector storage",
  requires: [vectorStorage, writable],
  cases: [
    ...searchCases,
    ...likeMemoryCases,
    ...filterCases,
    ...refusalCases,
    ...freshnessCases,
    ...rowCases,
    ...lifecycle,
  ],
};
