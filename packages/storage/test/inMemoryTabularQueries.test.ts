import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InMemoryTabularStorage } from "../src/index.ts";
import {
  criteriaOf,
  inOrder,
  matches,
  type NaiveRow,
  type Order,
  type Tree,
} from "./naiveQuery.ts";

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
  },
  required: ["a", "b"],
  additionalProperties: false,
} as const;

/** Few values, so that ties, nulls and hits are frequent; U+FF5E sorts before the emoji by code point. */
const VALUES: Record<string, readonly unknown[]> = {
  a: ["", "a", "ab", "b", "~", "\uff5e", "\u{1f600}", "\u{1f600}x"],
  b: [-1, 0, 1, 2, 3],
  text: [null, "", "a", "ab", "abc", "\uff5e", "\u{1f600}"],
  number: [null, -0.5, 0, 1.5, 1e300],
  flag: [null, false, true],
  bytes: [
    null,
    new Uint8Array(),
    new Uint8Array([0]),
    new Uint8Array([0, 1]),
    new Uint8Array([255]),
  ],
  big: [null, -1n, 0n, 2n ** 62n],
};
const columns = Object.keys(VALUES);

const anyOf = (column: string) => fc.constantFrom(...(VALUES[column] as unknown[]));
const presentOf = (column: string) =>
  fc.constantFrom(...(VALUES[column] as unknown[]).filter((value) => value !== null));

const row = fc
  .record(Object.fromEntries(columns.map((column) => [column, anyOf(column)])))
  .map((values) => {
    // Absent and null are the same thing to a query.
    const present = Object.entries(values).filter(([, value]) => value !== null);
    return { text: null, ...Object.fromEntries(present) } as NaiveRow;
  });
const table = fc.uniqueArray(row, {
  selector: ({ a, b }) => JSON.stringify([a, b]),
  maxLength: 30,
});

const leaf: fc.Arbitrary<Tree> = fc.constantFrom(...columns).chain((column) => {
  const list = fc.array(anyOf(column), { maxLength: 3 });
  const leaves: fc.Arbitrary<{ operator: string; value: unknown }>[] = [
    fc.record({ operator: fc.constantFrom("=", "!="), value: anyOf(column) }),
    fc.record({ operator: fc.constantFrom("in", "not-in"), value: list }),
    fc.record({ operator: fc.constantFrom("<", "<=", ">", ">="), value: presentOf(column) }),
  ];
  if (column === "a" || column === "text") {
    leaves.push(fc.record({ operator: fc.constant("prefix"), value: presentOf(column) }));
  }
  return fc.oneof(...leaves).map((condition) => ({ column, ...condition }));
});
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { weight: 3, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc.record({ all: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ any: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ none: tie("tree") }) },
  ),
}));

const direction = fc.constantFrom("ASC" as const, "DESC" as const);
const order: fc.Arbitrary<Order> = fc.uniqueArray(
  fc.record({ column: fc.constantFrom(...columns), direction }),
  { selector: ({ column }) => column, maxLength: 3 },
);
const indexes = fc.array(
  fc.uniqueArray(fc.constantFrom(...columns), { minLength: 1, maxLength: 3 }),
  {
    maxLength: 4,
  },
);

const withoutOrder = (rows: readonly NaiveRow[]): Set<string> => new Set(rows.map(identity));
const identity = ({ a, b }: NaiveRow): string => JSON.stringify([a, b]);

async function filled(rows: readonly NaiveRow[], declared: readonly (readonly string[])[]) {
  const storage = new InMemoryTabularStorage(schema, ["a", "b"] as const, declared);
  await storage.putBulk(rows as never);
  return storage;
}

describe("queries on an in-memory table find what a look at every row finds", () => {
  it("whatever the criteria, the order, the slice and the indexes", async () => {
    const slice = fc.record({
      limit: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
      offset: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        table,
        indexes,
        tree,
        order,
        slice,
        async (rows, declared, where, by, range) => {
          const storage = await filled(rows, declared);
          const expected = inOrder(
            rows.filter((r) => matches(r, where)),
            by,
            ["a", "b"],
          );
          const offset = range.offset ?? 0;
          const cut = expected.slice(offset, offset + (range.limit ?? expected.length));
          const found = await storage.query(criteriaOf(where) as never, {
            orderBy: by as never,
            ...range,
          });
          expect(found ?? []).toEqual(cut);
          expect(await storage.count(criteriaOf(where) as never)).toBe(expected.length);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("page by page, with a cursor into any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        indexes,
        fc.option(tree, { nil: undefined }),
        order,
        fc.integer({ min: 1, max: 7 }),
        async (rows, declared, where, by, limit) => {
          const storage = await filled(rows, declared);
          const expected = inOrder(
            where === undefined ? rows : rows.filter((r) => matches(r, where)),
            by,
            ["a", "b"],
          );
          const seen: unknown[] = [];
          let cursor: string | undefined;
          do {
            const page = await storage.getPage({
              ...(where && { criteria: criteriaOf(where) as never }),
              orderBy: by as never,
              limit,
              ...(cursor !== undefined && { cursor }),
            });
            seen.push(...page.items);
            cursor = page.nextCursor;
          } while (cursor !== undefined && seen.length <= expected.length);
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 700 },
    );
  });

  it("after rows were changed, deleted and put back by a rollback", async () => {
    const change = fc.oneof(
      fc.record({ put: row }),
      fc.record({ delete: row }),
      fc.record({ deleteSearch: tree }),
      fc.record({ update: row, patch: fc.record({ text: anyOf("text") }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        table,
        indexes,
        fc.array(change, { maxLength: 12 }),
        fc.array(change, { maxLength: 6 }),
        tree,
        order,
        async (rows, declared, changes, undone, where, by) => {
          const storage = await filled(rows, declared);
          // Makes every index, so that all of them are kept up to date from here on.
          for (const names of declared) {
            await storage.getAll({
              orderBy: names.map((column) => ({ column, direction: "ASC" })) as never,
            });
          }
          const model = new Map(rows.map((r) => [identity(r), r]));
          for (const step of changes) await apply(storage, model, step);
          const kept = [...model.values()];
          await storage
            .transaction(async (tx) => {
              for (const step of undone) await apply(tx, model, step);
              throw new Error("no");
            })
            .catch(() => undefined);
          const expected = inOrder(
            kept.filter((r) => matches(r, where)),
            by,
            ["a", "b"],
          );
          const found = await storage.query(criteriaOf(where) as never, { orderBy: by as never });
          expect(found ?? []).toEqual(expected);
          expect(withoutOrder((await storage.getAll()) ?? [])).toEqual(withoutOrder(kept));
        },
      ),
      { numRuns: 500 },
    );
  });
});

type Step = {
  readonly put?: NaiveRow;
  readonly delete?: NaiveRow;
  readonly deleteSearch?: Tree;
  readonly update?: NaiveRow;
  readonly patch?: { readonly text: unknown };
};

type Table = Record<"put" | "delete" | "deleteSearch", (arg: never) => Promise<unknown>> & {
  update(key: never, patch: never): Promise<unknown>;
};

async function apply(storage: Table, model: Map<string, NaiveRow>, step: Step): Promise<void> {
  if (step.put !== undefined) {
    await storage.put(step.put as never);
    model.set(identity(step.put), step.put);
  } else if (step.delete !== undefined) {
    await storage.delete({ a: step.delete.a, b: step.delete.b } as never);
    model.delete(identity(step.delete));
  } else if (step.deleteSearch !== undefined) {
    await storage.deleteSearch(criteriaOf(step.deleteSearch) as never);
    for (const [key, held] of model) if (matches(held, step.deleteSearch)) model.delete(key);
  } else if (step.update !== undefined) {
    const { a, b } = step.update;
    const patch = { text: step.patch?.text ?? null };
    await storage.update({ a, b } as never, patch as never);
    const held = model.get(identity(step.update));
    if (held !== undefined) model.set(identity(step.update), { ...held, ...patch });
  }
}
