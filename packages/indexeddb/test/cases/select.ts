import {
  type CanonicalValue,
  cell,
  compileCriteria,
  compilePrefixes,
  completeOrder,
  evaluatePredicate,
  type IndexList,
  isAfter,
  not,
  or,
  type Row,
  rowComparator,
  type SearchCriteria,
  type SelectPlan,
  TableSchema,
} from "@workglow/storage";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { RecordCodec } from "../../src/records/RecordCodec.ts";
import { countRows } from "../../src/select/countRows.ts";
import { selectRows } from "../../src/select/selectRows.ts";
import { inOlderBrowser } from "./inOlderBrowser.ts";
import { RowStore } from "./rowStore.ts";

const schema = {
  type: "object",
  properties: {
    a: { type: "string" },
    b: { type: "integer" },
    text: { type: ["string", "null"] },
    number: { type: "number" },
    flag: { type: "boolean" },
    bytes: { type: "string", contentEncoding: "blob" },
    big: { type: "integer", format: "int64" },
    at: { type: "string", format: "date-time" },
    name: { type: "string" },
  },
  required: ["a", "b", "name"],
  additionalProperties: false,
} as const;

/** Few values, so that ties, nulls and hits are frequent; U+FF5E sorts before the emoji by code point. */
const VALUES: Readonly<Record<string, readonly (CanonicalValue | undefined)[]>> = {
  a: ["", "a", "ab", "b", "~", "\uff5e", "\u{1f600}", "\u{1f600}x"],
  b: Array.from({ length: 60 }, (_, i) => i - 1),
  text: [null, null, "", "a", "ab", "abc", "\uff5e", "\u{1f600}"],
  number: [undefined, -0.5, 0, 1.5, 1e300],
  flag: [undefined, false, true],
  bytes: [undefined, new Uint8Array(), new Uint8Array([0]), new Uint8Array([0, 1])],
  big: [undefined, -1n, 0n, 2n ** 62n],
  at: [undefined, "0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"],
};
const columns = Object.keys(VALUES);

/** 480 rows, the same in each run. */
const ROWS: readonly Row[] = (VALUES.a as string[]).flatMap((a, i) =>
  (VALUES.b as number[]).map((b, j) => {
    const row: Row = { a, b };
    for (const [place, column] of columns.slice(2).entries()) {
      const values = VALUES[column] as readonly (CanonicalValue | undefined)[];
      const value = values[(i * 7 + j * (place + 3) + ((i * j) >> place)) % values.length];
      if (value !== undefined) row[column] = value;
    }
    row.name = `${j}/${a}`;
    return row;
  }),
);

const presentOf = (column: string) =>
  fc.constantFrom(
    ...(VALUES[column] as unknown[]).filter((value) => value !== null && value !== undefined),
  );
const anyOf = (column: string) =>
  column === "a" || column === "b"
    ? presentOf(column)
    : fc.oneof(
        { weight: 1, arbitrary: fc.constant(null) },
        { weight: 4, arbitrary: presentOf(column) },
      );

type Criteria = SearchCriteria<Record<string, unknown>>;

const leaf: fc.Arbitrary<Criteria> = fc.constantFrom(...columns).chain((column) => {
  const list = fc.array(anyOf(column), { maxLength: 6 });
  return fc
    .oneof(
      fc.record({ operator: fc.constantFrom("=", "!="), value: anyOf(column) }),
      fc.record({ operator: fc.constantFrom("in", "not-in"), value: list }),
      fc.record({ operator: fc.constantFrom("<", "<=", ">", ">="), value: presentOf(column) }),
      column === "a" || column === "text"
        ? fc.record({ operator: fc.constant("prefix"), value: presentOf(column) })
        : fc.record({ operator: fc.constant("="), value: presentOf(column) }),
    )
    .map((condition) => ({ [column]: condition }) as Criteria);
});
const { tree } = fc.letrec<{ tree: Criteria }>((tie) => ({
  tree: fc.oneof(
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: fc.array(tie("tree"), { minLength: 2, maxLength: 3 }).map(all) },
    {
      weight: 2,
      arbitrary: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((c) => or(...c)),
    },
    { weight: 1, arbitrary: tie("tree").map((inner) => not(inner)) },
  ),
}));

function all(criteria: readonly Criteria[]): Criteria {
  return not(or(...criteria.map((part) => not(part))));
}

const orderBy = fc.uniqueArray(
  fc.record({
    column: fc.constantFrom(...columns, "name"),
    direction: fc.constantFrom("ASC", "DESC"),
  }),
  { selector: ({ column }) => column, maxLength: 3 },
);

const tableWith = (indexes: IndexList, unique: IndexList = []): TableSchema =>
  new TableSchema(schema, ["a", "b"], indexes, unique);

const plain = tableWith([]);
const predicate = fc.option(
  tree.map((criteria) => compileCriteria(plain, criteria)),
  { nil: undefined, freq: 8 },
);

/** What an index of one column serves: several stretches of it, in its order. */
const ofOneColumn = fc.constantFrom(...columns).chain((column) =>
  fc.record({
    where: fc
      .record({
        operator: fc.constantFrom("in", "not-in"),
        value: fc.array(anyOf(column), { minLength: 1, maxLength: 5 }),
      })
      .map((condition) => compileCriteria(plain, { [column]: condition })),
    by: fc.constantFrom("ASC", "DESC").map((direction) => [{ column, direction }]),
  }),
);

const plan: fc.Arbitrary<SelectPlan> = fc
  .record({
    asked: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ where: predicate, by: fc.option(orderBy, { nil: undefined }) }),
      },
      { weight: 1, arbitrary: ofOneColumn },
    ),
    limit: fc.option(fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 500 })), {
      nil: undefined,
    }),
    offset: fc.option(fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 600 })), {
      nil: undefined,
      freq: 2,
    }),
    position: fc.option(fc.nat({ max: ROWS.length - 1 }), { nil: undefined }),
    selected: fc.constantFrom(
      plain.columns,
      plain.columns,
      plain.keyColumns,
      plain.columns.slice(1, 4),
    ),
  })
  .map(({ asked: { where, by }, limit, offset, position, selected }) => {
    const order = completeOrder(plain, by);
    // A page ends with a row of the query.
    const matching = ROWS.filter((row) => where === undefined || evaluatePredicate(where, row));
    const last = position === undefined ? undefined : matching[position % matching.length];
    const after = last && order.map(({ column }) => cell(last, column) ?? null);
    return { where, order, limit, offset, after, columns: selected };
  });

/** Looks at every row. */
function lookedUp(
  rows: readonly Row[],
  { where, order, after, limit, offset = 0, columns: selected }: SelectPlan,
): Row[] {
  const matching = rows
    .filter((row) => where === undefined || evaluatePredicate(where, row))
    .filter((row) => after === undefined || isAfter(row, order, after))
    .toSorted(rowComparator(order));
  return matching
    .slice(offset, limit === undefined ? undefined : offset + limit)
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).filter(([name]) => selected.some((column) => column.name === name)),
      ),
    );
}

const tenant = (value: string) =>
  compilePrefixes(
    { prefixes: [{ name: "tenant", type: "uuid" }], prefixValues: { tenant: value } },
    () => false,
  );

describe.each([
  ["without indexes", tableWith([]), undefined],
  ["with indexes of one column", tableWith(["text", "number", "bytes", "at", "b"]), undefined],
  [
    "with indexes of several columns",
    tableWith([
      ["text", "number"],
      ["flag", "big", "at"],
      ["b", "a"],
      ["number", "text"],
    ]),
    undefined,
  ],
  ["with unique indexes", tableWith(["text"], ["name", ["text", "b", "a"]]), undefined],
  ["of one of several tenants", tableWith(["text", ["flag", "big"]], ["name"]), "\u{1f600}"],
] as const)("reads of a row store %s", (_, table, name) => {
  let store: RowStore;

  beforeAll(async () => {
    const codec = new RecordCodec(table, name === undefined ? [] : tenant(name));
    store = await RowStore.open(codec);
    await store.put(ROWS);
    if (name === undefined) return;
    for (const other of ["", "\uffff", `${name}x`].filter((text) => text !== "")) {
      await store.put(ROWS.slice(0, 100), new RecordCodec(table, tenant(other)));
    }
  });

  it("find what a look at every row finds", async () => {
    await fc.assert(
      fc.asyncProperty(plan, fc.boolean(), async (given, isOld) => {
        const reading = () => store.read((read) => selectRows(read, given));
        const { result } = await (isOld ? inOlderBrowser(reading) : reading());
        expect(result).toEqual(lookedUp(ROWS, given));
      }),
      { numRuns: 200 },
    );
  });

  it("count what a look at every row counts", async () => {
    await fc.assert(
      fc.asyncProperty(predicate, async (where) => {
        const { result } = await store.read((read) => countRows(read, where));
        const matching = ROWS.filter((row) => where === undefined || evaluatePredicate(where, row));
        expect(result).toBe(matching.length);
      }),
      { numRuns: 60 },
    );
  });
});
