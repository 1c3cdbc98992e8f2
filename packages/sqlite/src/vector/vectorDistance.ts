import { directionOf, type NearestPlan, typedArrayToBytes } from "@workglow/storage";
import type { SqlBuilder } from "@workglow/storage/sql";
import { typedArrayNameOf } from "@workglow/util/schema";

/** An expression in SQL: binds its parameters each time that it is written. */
export type Expression = (sql: SqlBuilder) => string;

/** Marks a row whose distance sqlite-vec cannot tell; below all distances. */
export const UNKNOWN_DISTANCE = -1;

/**
 * The cosine distance (1 - similarity) between the query and a row's vector, as sqlite-vec computes
 * it; `undefined` where it cannot: it knows vectors of float32 and int8.
 */
export function vectorDistance(quoted: string, plan: NearestPlan): Expression | undefined {
  switch (plan.column.arrayName) {
    case "Float32Array":
      return float32Distance(quoted, plan);
    case "Int8Array":
      return typedArrayNameOf(plan.query) === "Int8Array" ? int8Distance(quoted, plan) : undefined;
    default:
      return undefined;
  }
}

/**
 * In float32 the squares of large components (from 1e19) overflow and those of small ones (below
 * 1e-19) vanish, and the distance means nothing. It then is null or 1 for the large; small vectors
 * have a small first component. Only of such rows the length is computed to know.
 */
function float32Distance(quoted: string, { query }: NearestPlan): Expression {
  const { components, length } = directionOf(query);
  const unit = Float32Array.from(components, (component) => component / length);
  const direction = typedArrayToBytes(unit, "Float32Array");
  const zero = new Uint8Array(direction.length);
  return (sql) => {
    const hasLength = (): string =>
      `vec_distance_L2(${quoted}, ${sql.bind(zero)}) BETWEEN 1e-15 AND 1e15`;
    return [
      // The highest byte of the first component: its sign and most of its exponent.
      `CASE WHEN substr(${quoted}, 4, 1) BETWEEN x'30' AND x'7f'`,
      `OR substr(${quoted}, 4, 1) >= x'b0' OR ${hasLength()}`,
      `THEN coalesce(nullif(vec_distance_cosine(${quoted}, ${sql.bind(direction)}), 1.0),`,
      `CASE WHEN ${hasLength()} THEN 1.0 ELSE ${UNKNOWN_DISTANCE} END)`,
      `ELSE ${UNKNOWN_DISTANCE} END`,
    ].join(" ");
  };
}

function int8Distance(quoted: string, { query }: NearestPlan): Expression {
  const bytes = typedArrayToBytes(query, "Int8Array");
  return (sql) =>
    `coalesce(vec_distance_cosine(vec_int8(${quoted}), vec_int8(${sql.bind(bytes)})), ${UNKNOWN_DISTANCE})`;
}
