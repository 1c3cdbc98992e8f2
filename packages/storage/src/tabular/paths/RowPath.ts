import type { IndexColumns, IndexPath } from "./IndexPath.ts";
import type { UnionPath } from "./UnionPath.ts";

/** A way to the rows of a query; how it is walked is up to whoever keeps the indexes. */
export type RowPath<Index extends IndexColumns> = IndexPath<Index> | UnionPath<Index>;
