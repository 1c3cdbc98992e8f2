import { StorageValidationError } from "@workglow/util";
import type { TypedArray } from "@workglow/util/schema";

/**
 * Passes a vector that has a direction.
 *
 * @param what names the vector in errors
 * @throws StorageValidationError for another number of components than `dimensions`, for NaN and
 *   infinities, and for the zero vector
 */
export function checkVector(vector: TypedArray, dimensions: number, what: string): void {
  if (vector.length !== dimensions) {
    throw new StorageValidationError(
      `${what} has ${vector.length} dimensions, and the storage has ${dimensions}`,
    );
  }
  let isZero = true;
  for (let index = 0; index < dimensions; index++) {
    const component = vector[index] as number;
    if (component === 0) continue;
    if (!Number.isFinite(component)) {
      throw new StorageValidationError(`${what} holds ${component} at position ${index}`);
    }
    isZero = false;
  }
  if (isZero)
    throw new StorageValidationError(`${what} is the zero vector, which has no direction`);
}
