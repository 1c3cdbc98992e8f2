import type { DerivedColumn, SqlTable } from "@workglow/storage/sql";
import { StorageValidationError, sha256Hex } from "@workglow/util";
import type { PgVector } from "./PgVector.ts";

/** An approximate index of pgvector's. */
export interface HnswOptions {
  readonly type: "hnsw";
  /** Neighbours of a row in the index, 2 to 100. Default: 16. */
  readonly m?: number;
  /** Rows kept in view while a row is added, 4 to 1000 and at least twice `m`. Default: 200. */
  readonly efConstruction?: number;
  /** Rows kept in view while a search goes on, 1 to 1000. Default: 100. */
  readonly efSearch?: number;
  /**
   * Whether a search goes on when a filter has left too few of the rows in view: in the order of
   * distance, nearly in that order, or not at all. Default: `"strict_order"`.
   */
  readonly iterativeScan?: "strict_order" | "relaxed_order" | "off";
}

export type ResolvedHnsw = Required<HnswOptions>;

export const MOST_EF_SEARCH = 1000;
/** Beyond these pgvector indexes no `vector`. */
const MOST_FULL_DIMENSIONS = 2000;
/** Beyond these it indexes no `halfvec` either. */
const MOST_HALF_DIMENSIONS = 4000;
const ITERATIVE_SCANS: readonly unknown[] = ["strict_order", "relaxed_order", "off"];

/** @throws StorageValidationError for options that pgvector does not take */
export function resolveHnsw(options: unknown, dimensions: number): ResolvedHnsw | undefined {
  if (options === undefined) return undefined;
  const given = options as Partial<HnswOptions> | null;
  if (typeof given !== "object" || given?.type !== "hnsw") {
    throw new StorageValidationError('the index is { type: "hnsw" }, with its options');
  }
  const { m = 16, efConstruction = 200, efSearch = 100, iterativeScan = "strict_order" } = given;
  checkRange("m", m, 2, 100);
  checkRange("efConstruction", efConstruction, Math.max(4, 2 * m), 1000);
  checkRange("efSearch", efSearch, 1, MOST_EF_SEARCH);
  if (!ITERATIVE_SCANS.includes(iterativeScan)) {
    throw new StorageValidationError('iterativeScan is "strict_order", "relaxed_order" or "off"');
  }
  if (dimensions > MOST_HALF_DIMENSIONS) {
    throw new StorageValidationError(
      `pgvector indexes vectors of at most ${MOST_HALF_DIMENSIONS} dimensions, and these have ${dimensions}: do without an index`,
    );
  }
  return { type: "hnsw", m, efConstruction, efSearch, iterativeScan };
}

/** @throws StorageValidationError */
export function checkRange(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw new StorageValidationError(`${name} is an integer of ${least} to ${most}`);
}

/** The HNSW index over the unit vectors of one table. */
export class HnswIndex {
  public readonly options: ResolvedHnsw;
  public readonly name: string;
  /** Whether the index holds the components in half precision. */
  public readonly half: boolean;
  private readonly table: SqlTable;
  private readonly dimensions: number;
  private readonly pgVector: PgVector;

  public constructor(
    options: ResolvedHnsw,
    table: SqlTable,
    dimensions: number,
    pgVector: PgVector,
  ) {
    this.options = options;
    this.table = table;
    this.dimensions = dimensions;
    this.pgVector = pgVector;
    this.half = dimensions > MOST_FULL_DIMENSIONS;
    const { m, efConstruction } = options;
    const identity = JSON.stringify([table.name, m, efConstruction, this.half]);
    this.name = `${hnswPrefix(table)}${sha256Hex(identity).slice(0, 16)}${HNSW_SUFFIX}`;
  }

  /** What the index holds of a `vector`, an expression of a column or of a parameter. */
  public indexed(vector: string): string {
    return this.half
      ? `(${vector}::${this.pgVector.named("halfvec")}(${this.dimensions}))`
      : vector;
  }

  public createSql(ifMissing: boolean): string {
    const { m, efConstruction } = this.options;
    const column = this.table.derived[0] as DerivedColumn;
    const operators = this.pgVector.named(this.half ? "halfvec_ip_ops" : "vector_ip_ops");
    return `CREATE INDEX ${ifMissing ? "IF NOT EXISTS " : ""}${this.table.quote(this.name)} ON ${this.table.quoted} USING hnsw (${this.indexed(column.quoted)} ${operators}) WITH (m = ${m}, ef_construction = ${efConstruction})`;
  }
}

const LONGEST_READABLE = 24;
const HNSW_SUFFIX = "_hnsw";

function hnswPrefix({ name }: SqlTable): string {
  return `${name.replace(/[^A-Za-z0-9_]/g, "_").slice(0, LONGEST_READABLE)}_`;
}

/** Whether an index of the table is one of ours, of whatever options. */
export function isHnswName(table: SqlTable, name: string): boolean {
  const prefix = hnswPrefix(table);
  return name.startsWith(prefix) && /^[0-9a-f]{16}_hnsw$/.test(name.slice(prefix.length));
}
