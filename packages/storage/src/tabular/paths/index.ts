export * from "./choosePath.ts";
export * from "./IndexPath.ts";
export * from "./IndexRange.ts";
export * from "./intervals.ts";
export * from "./RowCollector.ts";
export type * from "./RowPath.ts";
export * from "./UnionPath.ts";
