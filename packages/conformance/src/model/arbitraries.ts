import type { DataPortSchemaObject } from "@workglow/util/schema";
import fc from "fast-check";
import type { TabularSpec, TestRow, Unnamed } from "../harness.ts";
import { HOSTILE_TEXTS, TEXTS_BY_CODE_POINT } from "../samples.ts";
import type { Operator, Order, Tree } from "../tabular/reference.ts";

/** Columns of every type that can be compared, and JSON; few values, so that ties are common. */
export const modelTable: Unnamed<TabularSpec> = {
  schema: {
    type: "object",
    properties: {
      id: { type: "integer" },
      text: { type: ["string", "null"] },
      number: { type: "number" },
      flag: { type: ["boolean", "null"] },
      at: { type: ["string", "null"], format: "date-time" },
      big: { type: "integer", format: "int64" },
      bytes: { type: ["string", "null"], contentEncoding: "blob" },
      code: { type: ["integer", "null"] },
      json: {},
    },
    required: ["id", "text"],
    additionalProperties: false,
  } as const satisfies DataPortSchemaObject,
  primaryKey: ["id"],
  indexes: ["text", ["number", "text"], "big", ["flag", "at"]],
  options: { uniqueIndexes: ["code"] },
};

const isStorable = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);

export const texts: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "",
      "a",
      "A",
      "ab",
      "a%",
      "a_",
      "b",
      "\u00e9",
      "\uffff",
      "\u{1f600}",
      "\u{1f600}a",
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...TEXTS_BY_CODE_POINT, ...HOSTILE_TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }).filter(isStorable) },
);

const numbers = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(-1.5, 0, 1, 2, 1e300, 5e-324) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0) },
);

const dates = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "0001-01-01T00:00:00.000Z",
      "2024-01-01T00:00:00.000Z",
      "2024-01-01T00:00:00.001Z",
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
      .map((ms) => new Date(ms).toISOString()),
  },
);

const bigs = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(-(2n ** 63n), 0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
);

const bytes = fc.uint8Array({ maxLength: 3 });

/** JSON that every backend can keep, in the form in which it comes back. */
export const jsonValues: fc.Arbitrary<unknown> = fc
  .jsonValue({ maxDepth: 3, stringUnit: "binary" })
  .filter((value) => !hasUnstorableText(value))
  // JSON itself writes -0 as 0.
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

function hasUnstorableText(value: unknown): boolean {
  if (typeof value === "string") return !isStorable(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, inner]) => !isStorable(key) || hasUnstorableText(inner));
}

/** Columns other than the key, and what they hold. */
const VALUES = {
  text: texts,
  number: numbers,
  flag: fc.boolean(),
  at: dates,
  big: bigs,
  bytes,
  code: fc.integer({ min: 0, max: 12 }),
} as const;

export type ComparableColumn = keyof typeof VALUES;

const COLUMNS = Object.keys(VALUES) as ComparableColumn[];

export const ids = fc.integer({ min: 0, max: 7 });

/** Columns that are read as null where they are absent. */
const NULLABLE = ["text", "flag", "at", "bytes", "code", "json"] as const;

/** Rows as they are given: properties may be missing, null where the schema allows it. */
export const rows: fc.Arbitrary<TestRow> = fc.record(
  {
    id: ids,
    text: fc.option(texts),
    number: numbers,
    flag: fc.option(VALUES.flag),
    at: fc.option(dates),
    big: bigs,
    bytes: fc.option(bytes),
    code: fc.option(VALUES.code, { freq: 2 }),
    json: jsonValues,
  },
  { requiredKeys: ["id", "text"] },
);

/** A row in the form in which it is read. */
export function asRead(row: TestRow): TestRow {
  const read: TestRow = { ...row };
  for (const column of NULLABLE) read[column] ??= null;
  return read;
}

/** Some columns to change; `undefined` removes one. */
export const patches: fc.Arbitrary<TestRow> = fc
  .record(
    {
      text: fc.option(texts),
      number: fc.option(numbers, { nil: undefined }),
      flag: fc.option(VALUES.flag, { nil: undefined }),
      big: fc.option(bigs, { nil: undefined }),
      code: fc.option(VALUES.code),
      json: fc.option(jsonValues, { nil: undefined }),
    },
    { requiredKeys: [] },
  )
  .filter((patch) => Object.keys(patch).length > 0);

const OPERATORS: readonly Operator[] = ["=", "!=", "<", "<=", ">", ">="];

function leavesOf(column: ComparableColumn): fc.Arbitrary<Tree> {
  const values = VALUES[column] as fc.Arbitrary<unknown>;
  const leaf = (operator: Operator, value: unknown): Tree => ({
    kind: "column",
    column,
    operator,
    value,
  });
  const compared = fc.tuple(fc.constantFrom(...OPERATORS), values).map(([o, v]) => leaf(o, v));
  const nulls = fc.constantFrom<Operator>("=", "!=").map((operator) => leaf(operator, null));
  const lists = fc
    .tuple(fc.constantFrom<Operator>("in", "not-in"), fc.array(fc.option(values), { maxLength: 4 }))
    .map(([operator, list]) => leaf(operator, list));
  const prefix = texts.map((value) => leaf("prefix", value));
  return column === "text"
    ? fc.oneof(compared, nulls, lists, prefix)
    : fc.oneof(compared, nulls, lists);
}

/** Criteria of any shape, a few levels deep. */
export const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.oneof(...COLUMNS.map(leavesOf)),
  tree: fc.oneof(
    { maxDepth: 3, depthIdentifier: "tree" },
    tie("leaf"),
    fc
      .array(tie("tree"), { minLength: 1, maxLength: 3 })
      .map((parts) => ({ kind: "or", parts }) as const),
    fc
      .array(tie("tree"), { minLength: 1, maxLength: 3 })
      .map((parts) => ({ kind: "and", parts }) as const),
    tie("tree").map((part) => ({ kind: "not", part }) as const),
  ),
})).tree;

export const orders: fc.Arbitrary<Order> = fc.uniqueArray(
  fc.record({
    column: fc.constantFrom("id", ...COLUMNS),
    direction: fc.constantFrom("ASC" as const, "DESC" as const),
  }),
  { maxLength: 3, selector: ({ column }) => column },
);
