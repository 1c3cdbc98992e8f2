import { writeUnitVector } from "@workglow/storage";
import type { DerivedColumnSpec, SqlOwnType, SqlValue } from "@workglow/storage/sql";
import type { TypedArray } from "@workglow/util/schema";
import { binaryArray } from "../connection/binaryArray.ts";
import type { PgVector } from "./PgVector.ts";

/** The name of the column that searches read. */
const UNIT_VECTOR = "unit_vector";

/** How values reach the server: in pgvector's own binary form, or as text. */
export type VectorForm = "binary" | "text";

/** Far below what single precision tells apart in a vector of length 1. */
const TEXT_DIGITS = 9;
const HEADER_BYTES = 4;

/** The vectors of a storage at length 1, in single precision: what PostgreSQL compares. */
export function unitVectorColumn(
  from: string,
  dimensions: number,
  pgVector: PgVector,
  form: VectorForm,
): DerivedColumnSpec {
  return {
    name: UNIT_VECTOR,
    from,
    type: unitVectorType(dimensions, pgVector, form),
    // What others have written may be no vector of this table's; it is stored and never found.
    encode: (vector) =>
      (vector as TypedArray).length === dimensions
        ? encodeUnitVector(vector as TypedArray, form)
        : null,
  };
}

/** A vector at length 1 as a parameter; null where it has no direction. */
export function encodeUnitVector(vector: TypedArray, form: VectorForm): SqlValue {
  const unit = new Float32Array(vector.length);
  // It cannot overflow here: pgvector's own normalisation could.
  if (!writeUnitVector(vector, unit, 0)) return null;
  return form === "text" ? textOf(unit) : bytesOf(unit);
}

function unitVectorType(dimensions: number, pgVector: PgVector, form: VectorForm): SqlOwnType {
  return {
    get ddl() {
      return `${pgVector.named("vector")}(${dimensions})`;
    },
    // The schema before the name depends on the search path.
    isSame: (declaredType) => new RegExp(`(?:^|\\.)vector\\(${dimensions}\\)$`).test(declaredType),
    bindExpression: (placeholder) => `${placeholder}::${pgVector.named("vector")}`,
    list(values, bind) {
      const list =
        form === "text"
          ? values
          : binaryArray(values as readonly (Uint8Array | null)[], pgVector.typeNumber);
      return `${bind(list)}::${pgVector.named("vector")}[]`;
    },
  };
}

function textOf(unit: Float32Array): string {
  let text = "[";
  for (let at = 0; at < unit.length; at++) {
    text += `${at === 0 ? "" : ","}${(unit[at] as number).toFixed(TEXT_DIGITS)}`;
  }
  return `${text}]`;
}

/** As `vector_recv` reads it: the dimensions, two bytes of zero, big-endian floats. */
function bytesOf(unit: Float32Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 4 * unit.length);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, unit.length);
  for (let at = 0; at < unit.length; at++) {
    view.setFloat32(HEADER_BYTES + 4 * at, unit[at] as number);
  }
  return bytes;
}
