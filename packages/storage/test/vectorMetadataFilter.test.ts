import { chunkSchema, metadataFilter, metadataValue } from "@workglow/conformance";
import {
  alternativesOf,
  type Column,
  evaluatePredicate,
  isSearchCondition,
  negationsOf,
  not,
  or,
  TableSchema,
} from "@workglow/storage";
import { StorageEmptyCriteriaError, StorageValidationError } from "@workglow/util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileMetadataFilter } from "../src/vector/metadataFilter.ts";
import { compareByCodePoint } from "./bruteForce.ts";

const column: Column = new TableSchema(chunkSchema, ["id"]).column("metadata");

/** Whether the storage's filter lets a row of this metadata through. */
const passes = (filter: unknown, metadata: object | undefined): boolean =>
  evaluatePredicate(
    compileMetadataFilter(column, filter),
    metadata === undefined ? {} : { metadata },
  );

// ——— the same once more, as directly as it can be said

function matches(filter: object, metadata: object): boolean {
  return (
    Object.entries(filter).every(([name, given]) =>
      fieldMatches(ownValue(metadata, name), given),
    ) &&
    alternativesOf(filter).every((group) => group.some((inner) => matches(inner, metadata))) &&
    negationsOf(filter).every((inner) => !matches(inner, metadata))
  );
}

const ownValue = (object: object, name: string): unknown =>
  Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : null;

function fieldMatches(stored: unknown, given: unknown): boolean {
  if (isSearchCondition(given)) return holds(given.operator, stored, given.value);
  if (Array.isArray(given)) return given.every((c) => holds(c.operator, stored, c.value));
  if (typeof given === "object" && given !== null) {
    const inside = typeof stored === "object" && stored !== null && !Array.isArray(stored);
    return matches(given, inside ? stored : {});
  }
  return holds("=", stored, given);
}

function holds(operator: string, stored: unknown, value: unknown): boolean {
  switch (operator) {
    case "=":
      return stored === value;
    case "!=":
      return stored !== value;
    case "in":
      return (value as unknown[]).some((one) => stored === one);
    case "not-in":
      return !(value as unknown[]).some((one) => stored === one);
    case "prefix":
      return typeof stored === "string" && stored.startsWith(value as string);
    default: {
      if (typeof stored !== typeof value) return false;
      const difference =
        typeof stored === "string"
          ? compareByCodePoint(stored, value as string)
          : Number(stored) - Number(value);
      return operator.startsWith("<")
        ? difference < 0 || (operator === "<=" && difference === 0)
        : difference > 0 || (operator === ">=" && difference === 0);
    }
  }
}

describe("a metadata filter", () => {
  it("means what the criteria say, for any filter and metadata", () => {
    fc.assert(
      fc.property(metadataFilter, metadataValue, (filter, metadata) => {
        expect(passes(filter, metadata)).toBe(matches(filter, metadata));
      }),
      { numRuns: 3000 },
    );
  });

  it("compares values with values of their own type only", () => {
    expect(passes({ n: 5 }, { n: "5" })).toBe(false);
    expect(passes({ n: true }, { n: 1 })).toBe(false);
    expect(passes({ n: { operator: "<", value: 9 } }, { n: "5" })).toBe(false);
    expect(passes({ n: { operator: "!=", value: 5 } }, { n: "5" })).toBe(true);
    expect(passes({ n: { operator: "in", value: [5, "5"] } }, { n: "5" })).toBe(true);
  });

  it("takes null for null, absent, and fields of what is no object", () => {
    for (const metadata of [undefined, {}, { a: null }, { a: { b: null } }, { a: { c: 1 } }]) {
      expect(passes({ a: { b: null } }, metadata)).toBe(true);
    }
    expect(passes({ a: { b: null } }, { a: 5 })).toBe(true);
    expect(passes({ a: { 0: null } }, { a: ["x"] })).toBe(true);
    expect(passes({ a: null }, { a: {} })).toBe(false);
    expect(passes({ a: { b: { operator: "!=", value: "x" } } }, undefined)).toBe(true);
  });

  it("knows no fields but an object's own", () => {
    expect(passes({ constructor: null, toString: null }, {})).toBe(true);
    expect(passes(JSON.parse('{"__proto__":1}'), {})).toBe(false);
    expect(passes(JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}'))).toBe(true);
  });

  it("lets everything through when it is empty", () => {
    expect(passes({}, { a: 1 })).toBe(true);
  });

  it.each([
    ["undefined", { a: undefined }],
    ["a list", { a: ["x"] }],
    ["an empty list", { a: [] }],
    ["a list as an operand", { a: { operator: "=", value: [1] } }],
    ["no list for in", { a: { operator: "in", value: "x" } }],
    ["undefined inside a list", { a: { operator: "in", value: [undefined] } }],
    ["a date", { a: new Date() }],
    ["a bigint", { a: 5n }],
    ["NaN", { a: Number.NaN }],
    ["a lone surrogate", { a: "\ud800" }],
    ["a name with NUL", { "a\0": 1 }],
    ["an unknown operator", { a: { operator: "=1 OR 1=1 --", value: 1 } }],
    ["less than null", { a: { operator: "<", value: null } }],
    ["a prefix of a number", { a: { operator: "prefix", value: 1 } }],
    ["no object", "a = 1"],
  ])("refuses %s", (_, filter) => {
    expect(() => compileMetadataFilter(column, filter)).toThrow(StorageValidationError);
  });

  it("refuses criteria inside others that say nothing", () => {
    for (const filter of [or({}), not({}), { a: {} }]) {
      expect(() => compileMetadataFilter(column, filter)).toThrow(StorageEmptyCriteriaError);
    }
  });
});
