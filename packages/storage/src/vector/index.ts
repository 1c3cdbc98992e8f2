export type { ScoredRow } from "./BestRows.ts";
export { cosineSimilarity, type Direction, directionOf } from "./cosine.ts";
export { InMemoryVectorStorage } from "./InMemoryVectorStorage.ts";
export type * from "./IVectorStorage.ts";
export type { NearestPlan } from "./NearestPlan.ts";
export { NearestRanking } from "./NearestRanking.ts";
export { type NearestDriver, VectorSearch } from "./VectorSearch.ts";
export { getMetadataProperty, getVectorProperty } from "./vectorProperties.ts";
export { vectorSchema } from "./vectorSchema.ts";
