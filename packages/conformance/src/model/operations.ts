import fc from "fast-check";
import { assertEqual, fail, isEqual } from "../assert.ts";
import { collect } from "../collect.ts";
import type { TestRow, TestTabular } from "../harness.ts";
import { identityOf, show } from "../show.ts";
import { criteriaOf, type Order, orUndefined, type Tree } from "../tabular/reference.ts";
import { ids, orders, patches, rows, trees } from "./arbitraries.ts";
import type { Outcome, TableModel } from "./TableModel.ts";

/** One call, as data, so that a failure shows the calls that led to it. */
export type Operation =
  | { readonly do: "put"; readonly row: TestRow }
  | { readonly do: "putBulk"; readonly rows: readonly TestRow[] }
  | { readonly do: "insert"; readonly row: TestRow; readonly ignore: boolean }
  | {
      readonly do: "update";
      readonly id: number;
      readonly patch: TestRow;
      readonly expect?: TestRow;
    }
  | { readonly do: "delete"; readonly id: number }
  | { readonly do: "deleteSearch"; readonly tree: Tree }
  | { readonly do: "deleteAll" | "size" | "records" | "reopen" }
  | { readonly do: "get"; readonly id: number }
  | { readonly do: "getMany"; readonly ids: readonly number[] }
  | { readonly do: "count"; readonly tree: Tree }
  | {
      readonly do: "query";
      readonly tree: Tree;
      readonly order: Order;
      readonly limit?: number;
      readonly offset?: number;
    }
  | { readonly do: "pages"; readonly tree?: Tree; readonly order: Order; readonly limit: number }
  | {
      readonly do: "transaction";
      readonly operations: readonly Operation[];
      readonly commits: boolean;
    };

const call = <Name extends Operation["do"], Fields>(name: Name, fields: fc.Arbitrary<Fields>) =>
  fields.map((given) => ({ do: name, ...given })) as unknown as fc.Arbitrary<Operation>;

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const counts = fc.integer({ min: 1, max: 9 });

const writes: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: call("put", fc.record({ row: rows })) },
  { weight: 3, arbitrary: call("putBulk", fc.record({ rows: fc.array(rows, { maxLength: 5 }) })) },
  { weight: 3, arbitrary: call("insert", fc.record({ row: rows, ignore: fc.boolean() })) },
  {
    weight: 4,
    arbitrary: call(
      "update",
      fc.record({ id: ids, patch: patches, expect: optional(expectations()) }),
    ),
  },
  { weight: 2, arbitrary: call("delete", fc.record({ id: ids })) },
  { weight: 1, arbitrary: call("deleteSearch", fc.record({ tree: trees })) },
  { weight: 1, arbitrary: call("deleteAll", fc.constant({})) },
);

function expectations(): fc.Arbitrary<TestRow> {
  return patches.map(({ json: _, ...patch }) =>
    Object.fromEntries(Object.entries(patch).map(([column, value]) => [column, value ?? null])),
  );
}

const reads: fc.Arbitrary<Operation> = fc.oneof(
  call("get", fc.record({ id: ids })),
  call("getMany", fc.record({ ids: fc.array(ids, { maxLength: 6 }) })),
  call("count", fc.record({ tree: trees })),
  call(
    "query",
    fc.record({ tree: trees, order: orders, limit: optional(counts), offset: optional(counts) }),
  ),
  call(
    "pages",
    fc.record({ tree: optional(trees), order: orders, limit: fc.integer({ min: 1, max: 4 }) }),
  ),
  fc.constantFrom<Operation>({ do: "size" }, { do: "records" }),
);

/** What a backend can be asked to do. */
export interface Abilities {
  readonly transactions: boolean;
  readonly reopen: boolean;
}

export function operationsFor({
  transactions,
  reopen,
}: Abilities): fc.Arbitrary<readonly Operation[]> {
  const simple = fc.oneof({ weight: 3, arbitrary: writes }, { weight: 2, arbitrary: reads });
  const weighted = [{ weight: 20, arbitrary: simple }];
  if (transactions) weighted.push({ weight: 2, arbitrary: transactionsOf(simple) });
  if (reopen) weighted.push({ weight: 1, arbitrary: fc.constant<Operation>({ do: "reopen" }) });
  return fc.array(fc.oneof(...weighted), { maxLength: 25, size: "max" });
}

/** Transactions with calls and, now and then, a nested one. */
function transactionsOf(simple: fc.Arbitrary<Operation>): fc.Arbitrary<Operation> {
  const around = (inner: fc.Arbitrary<Operation>) =>
    call(
      "transaction",
      fc.record({ operations: fc.array(inner, { maxLength: 5 }), commits: fc.boolean() }),
    );
  return around(
    fc.oneof({ weight: 5, arbitrary: simple }, { weight: 1, arbitrary: around(simple) }),
  );
}

/** Makes a call on the storage and on the model, and compares what they give. */
export async function perform(
  operation: Operation,
  table: TestTabular,
  model: TableModel,
): Promise<void> {
  if (operation.do === "transaction") return performTransaction(operation, table, model);
  if (operation.do === "putBulk" && model.isOpen(operation.rows)) return;
  const expected = onModel(operation, model);
  const actual = await outcomeOf(() => onStorage(operation, table));
  if (!isEqual(actual, expected)) {
    fail(`${show(operation)} gave ${show(actual)}, not ${show(expected)}`);
  }
}

const ABANDONED = new Error("abandoned");

async function performTransaction(
  { operations, commits }: Extract<Operation, { do: "transaction" }>,
  table: TestTabular,
  model: TableModel,
): Promise<void> {
  const restore = model.snapshot();
  try {
    await table.transaction(async (tx) => {
      // The function may run again after a serialization failure.
      restore();
      for (const operation of operations) await perform(operation, tx, model);
      if (!commits) throw ABANDONED;
    });
  } catch (error) {
    if (error !== ABANDONED) throw error;
    restore();
  }
}

async function outcomeOf(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

type Simple = Exclude<Operation, { do: "transaction" }>;

function onStorage(operation: Simple, table: TestTabular): Promise<unknown> {
  switch (operation.do) {
    case "put":
      return table.put(operation.row);
    case "putBulk":
      return table.putBulk([...operation.rows]);
    case "insert":
      return table.insert(operation.row, { onConflict: operation.ignore ? "ignore" : "error" });
    case "update": {
      const { id, patch, expect } = operation;
      return table.update({ id }, patch, expect === undefined ? {} : { expect });
    }
    case "delete":
      return table.delete({ id: operation.id });
    case "deleteSearch":
      return table.deleteSearch(criteriaOf(operation.tree));
    case "deleteAll":
      return table.deleteAll();
    case "size":
      return table.size();
    case "records":
      return collect(table.records(3));
    case "get":
      return table.get({ id: operation.id });
    case "getMany":
      return table.getMany(operation.ids.map((id) => ({ id })));
    case "count":
      return table.count(criteriaOf(operation.tree));
    case "query": {
      const { tree, order, limit, offset } = operation;
      const options = {
        ...(limit !== undefined && { limit }),
        ...(offset !== undefined && { offset }),
      };
      return table.query(criteriaOf(tree), { ...options, orderBy: order });
    }
    case "pages":
      return allPages(table, operation);
    case "reopen":
      return Promise.resolve(undefined);
  }
}

async function allPages(
  table: TestTabular,
  { tree, order, limit }: Extract<Operation, { do: "pages" }>,
): Promise<TestRow[]> {
  const criteria = tree === undefined ? {} : { criteria: criteriaOf(tree) };
  const read: TestRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await table.getPage({ ...criteria, orderBy: order, limit, cursor });
    read.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined && read.length < 1_000);
  return read;
}

function onModel(operation: Simple, model: TableModel): Outcome {
  switch (operation.do) {
    case "put":
      return model.put(operation.row);
    case "putBulk":
      return model.putBulk(operation.rows);
    case "insert":
      return model.insert(operation.row, operation.ignore);
    case "update":
      return model.update(operation.id, operation.patch, operation.expect);
    case "delete":
      return model.delete(operation.id);
    case "deleteSearch":
      return model.deleteSearch(operation.tree);
    case "deleteAll":
      return model.deleteAll();
    case "size":
      return { value: model.select(undefined, []).length };
    case "records":
      return { value: model.select(undefined, []) };
    case "get":
      return { value: model.find(operation.id) };
    case "getMany":
      return {
        value: [...new Set(operation.ids)]
          .map((id) => model.find(id))
          .filter((row) => row !== undefined),
      };
    case "count":
      return { value: model.select(operation.tree, []).length };
    case "query": {
      const { tree, order, limit, offset = 0 } = operation;
      const end = limit === undefined ? undefined : offset + limit;
      return { value: orUndefined(model.select(tree, order).slice(offset, end)) };
    }
    case "pages":
      return { value: model.select(operation.tree, operation.order) };
    case "reopen":
      return { value: undefined };
  }
}

/** Compares lists of lists: each inner list in any order, the lists in theirs. */
export function assertSameGroups(
  actual: readonly unknown[],
  expected: readonly unknown[][],
  what: string,
): void {
  let at = 0;
  for (const group of expected) {
    const slice = actual.slice(at, at + group.length);
    assertEqual(slice.map(identityOf).sort(), group.map(identityOf).sort(), what);
    at += group.length;
  }
  assertEqual(actual.length, at, `the number of ${what}`);
}
