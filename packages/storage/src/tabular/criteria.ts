import { StorageEmptyCriteriaError, StorageValidationError } from "@workglow/util";
import { isTypedArray } from "@workglow/util/schema";
import type { SearchCondition, SearchCriteria } from "./ITabularStorage.ts";

const OR: unique symbol = Symbol.for("@workglow/storage/or") as never;
const NOT: unique symbol = Symbol.for("@workglow/storage/not") as never;

/** The combinators that any criteria may carry beside its columns. All parts are ANDed. */
export interface Criteria {
  readonly [OR]?: readonly (readonly object[])[];
  readonly [NOT]?: readonly object[];
}

/** Criteria that hold where at least one of `alternatives` holds; none at all match nothing. */
export function or<Entity>(
  ...alternatives: SearchCriteria<NoInfer<Entity>>[]
): SearchCriteria<Entity> {
  return { [OR]: [alternatives] } as unknown as SearchCriteria<Entity>;
}

/** Criteria that hold where `criteria` do not. */
export function not<Entity>(criteria: SearchCriteria<NoInfer<Entity>>): SearchCriteria<Entity> {
  return { [NOT]: [criteria] } as unknown as SearchCriteria<Entity>;
}

export const alternativesOf = (criteria: object): readonly (readonly object[])[] =>
  (criteria as Criteria)[OR] ?? [];
export const negationsOf = (criteria: object): readonly object[] =>
  (criteria as Criteria)[NOT] ?? [];

/** Whether a criterion is a condition (`{ operator, value }`) and not a plain value. */
export function isSearchCondition(value: unknown): value is SearchCondition<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.hasOwn(value, "operator") &&
    Object.hasOwn(value, "value")
  );
}

/** Whether criteria name no column and no combinator. */
export function isEmptyCriteria(criteria: object): boolean {
  return (
    Object.keys(criteria).length === 0 &&
    alternativesOf(criteria).length === 0 &&
    negationsOf(criteria).length === 0
  );
}

/** @throws StorageValidationError unless `criteria` is a plain object */
export function assertCriteria(criteria: unknown): asserts criteria is object {
  if (
    typeof criteria !== "object" ||
    criteria === null ||
    Array.isArray(criteria) ||
    isTypedArray(criteria)
  ) {
    throw new StorageValidationError("criteria are an object of conditions by column");
  }
}

/** @throws StorageEmptyCriteriaError when there is no condition */
export function assertNotEmpty(criteria: object): void {
  if (isEmptyCriteria(criteria)) throw new StorageEmptyCriteriaError("the criteria are empty");
}
