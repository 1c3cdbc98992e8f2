import { describeType } from "@workglow/storage";
import { StorageValidationError } from "@workglow/util";

/**
 * The number behind a job's id, for backends that count their jobs. Ids may come back as text, from
 * an address or from JSON; what cannot be an id of such a backend is nobody's: `undefined`.
 *
 * @throws StorageValidationError for what is neither a number nor a text
 */
export function jobNumber(id: unknown): number | undefined {
  if (typeof id === "number") return Number.isSafeInteger(id) && id > 0 ? id : undefined;
  if (typeof id === "bigint") return jobNumber(Number(id));
  if (typeof id !== "string") {
    throw new StorageValidationError(`a job's id is what add gave, not ${describeType(id)}`);
  }
  return /^[1-9]\d{0,15}$/.test(id) ? jobNumber(Number(id)) : undefined;
}
