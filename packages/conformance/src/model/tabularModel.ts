import fc from "fast-check";
import { assertEqual, eventually } from "../assert.ts";
import type { Case, CaseContext, TestTabular } from "../harness.ts";
import { recordEvents } from "../recordEvents.ts";
import { persistence, tabularStorage } from "../requirements.ts";
import { show } from "../show.ts";
import type { SeenChange } from "../subscriptions/watchChanges.ts";
import { criteriaOf, matches, orUndefined, sorted } from "../tabular/reference.ts";
import { counted } from "../tabular/tables.ts";
import { asRead, ids, modelTable, orders, patches, rows, trees } from "./arbitraries.ts";
import { assertSameGroups, type Operation, operationsFor, perform } from "./operations.ts";
import { checkProperty, type ModelOptions } from "./runs.ts";
import { TableModel } from "./TableModel.ts";

/** Random tests may take longer, and longer still with more effort. */
const timeoutMs = ({ effort = 1 }: ModelOptions): number => 60_000 * Math.max(1, effort);

class Run {
  private readonly context: CaseContext;
  private readonly spec;
  private readonly model = new TableModel();
  private readonly changes: SeenChange[] = [];
  private table!: TestTabular;
  private events: unknown[][] = [];

  constructor(context: CaseContext) {
    this.context = context;
    this.spec = { ...modelTable, table: context.freshTable() };
  }

  async all(operations: readonly Operation[]): Promise<void> {
    await this.open();
    for (const operation of operations) {
      await perform(operation, this.table, this.model);
      if (operation.do !== "reopen") continue;
      await this.checkHeard();
      await this.context.reopen();
      await this.open();
    }
    await this.checkHeard();
    await this.table[Symbol.asyncDispose]();
  }

  private async open(): Promise<void> {
    this.table = await this.context.tabular(this.spec);
    this.events = recordEvents(this.table, ["put", "delete", "clearall"]);
    if (this.context.capabilities.changes === "none") return;
    const { ready } = this.table.subscribeToChanges(({ position: _, ...change }) => {
      this.changes.push(change);
    });
    await ready;
  }

  /** Compares the events and changes since the storage was opened. */
  private async checkHeard(): Promise<void> {
    const { events, changes } = this.model;
    assertSameGroups(this.events.splice(0), events.splice(0), "events");
    if (this.context.capabilities.changes === "none") return;
    const expected = changes.splice(0);
    const count = expected.flat().length;
    const missing = () => `${this.changes.length} of ${count} changes came: ${show(this.changes)}`;
    await eventually(() => this.changes.length >= count, missing);
    assertSameGroups(this.changes.splice(0), expected, "changes");
  }
}

export function tabularModelCases(options: ModelOptions): readonly Case[] {
  return [
    {
      name: "random calls give what a plain list of rows gives: results, events and changes",
      requires: [tabularStorage],
      timeoutMs: timeoutMs(options),
      run: async (c) => {
        const { transactions } = c.capabilities;
        const operations = operationsFor({ transactions, reopen: persistence.met(c.backend) });
        await checkProperty(operations, 60, options, (calls) => new Run(c).all(calls));
      },
    },
    {
      name: "random criteria, orders and pages give what filtering and sorting a list gives",
      requires: [tabularStorage],
      timeoutMs: timeoutMs(options),
      run: async (c) => {
        const many = fc.uniqueArray(
          fc.tuple(fc.integer(), rows).map(([id, row]) => ({ ...row, id, code: null })),
          { minLength: 10, maxLength: 60, selector: ({ id }) => id, size: "max" },
        );
        const queries = fc.array(
          fc.record({ tree: trees, orderBy: orders, limit: fc.integer({ min: 1, max: 70 }) }),
          { minLength: 5, maxLength: 12 },
        );
        await checkProperty(fc.record({ many, queries }), 15, options, async (given) => {
          const table = await c.tabular(modelTable);
          await table.putBulk(given.many);
          const stored = given.many.map(asRead);
          for (const { tree, orderBy, limit } of given.queries) {
            const expected = sorted(
              stored.filter((row) => matches(row, tree)),
              orderBy,
              ["id"],
            );
            const criteria = criteriaOf(tree);
            const what = `${show(tree)} ordered by ${show(orderBy)}`;
            assertEqual(
              await table.query(criteria, { orderBy }),
              orUndefined(expected),
              `query ${what}`,
            );
            assertEqual(
              await table.query(criteria, { orderBy, limit }),
              orUndefined(expected.slice(0, limit)),
              `query ${what}, limit ${limit}`,
            );
            assertEqual(await table.count(criteria), expected.length, `count ${what}`);
            const first = await table.getPage({ criteria, orderBy, limit });
            assertEqual(first.items, expected.slice(0, limit), `the first page of ${what}`);
            if (first.nextCursor === undefined) continue;
            const second = await table.getPage({
              criteria,
              orderBy,
              limit,
              cursor: first.nextCursor,
            });
            assertEqual(
              second.items,
              expected.slice(limit, 2 * limit),
              `the second page of ${what}`,
            );
          }
          await table[Symbol.asyncDispose]();
        });
      },
    },
    {
      name: "random calls made at once give what they give one after the other",
      requires: [tabularStorage],
      timeoutMs: timeoutMs(options),
      run: async (c) => {
        // Without the unique index every call depends on the calls on its own key alone.
        const { schema, primaryKey, indexes } = modelTable;
        const row = rows.map((given) => ({ ...given, code: null }));
        const patch = patches.map(({ code: _, ...given }) => ({ text: null, ...given }));
        const operation: fc.Arbitrary<Operation> = fc.oneof(
          fc.record({ do: fc.constant("put" as const), row }),
          fc.record({ do: fc.constant("putBulk" as const), rows: fc.array(row, { maxLength: 3 }) }),
          fc.record({ do: fc.constant("insert" as const), row, ignore: fc.boolean() }),
          fc.record({ do: fc.constant("update" as const), id: ids, patch }),
          fc.record({ do: fc.constant("delete" as const), id: ids }),
          fc.record({ do: fc.constant("get" as const), id: ids }),
          fc.record({ do: fc.constant("getMany" as const), ids: fc.array(ids) }),
          fc.constant({ do: "size" as const }),
        );
        await checkProperty(
          fc.array(operation, { maxLength: 40, size: "max" }),
          30,
          options,
          async (calls) => {
            const table = await c.tabular({ schema, primaryKey, indexes });
            const model = new TableModel();
            await Promise.all(calls.map((call) => perform(call, table, model)));
            assertEqual(await table.getAll(), orUndefined(model.select(undefined, [])), "the rows");
            await table[Symbol.asyncDispose]();
          },
        );
      },
    },
    {
      name: "random given and generated keys never overwrite a row",
      requires: [tabularStorage],
      timeoutMs: timeoutMs(options),
      run: async (c) => {
        const given = fc.option(fc.integer({ min: -3, max: 40 }), { nil: undefined, freq: 2 });
        const step = fc.record({
          ids: fc.array(given, { minLength: 1, maxLength: 4 }),
          bulk: fc.boolean(),
          awaited: fc.boolean(),
          remove: fc.boolean(),
        });
        await checkProperty(fc.array(step, { maxLength: 12 }), 30, options, async (steps) => {
          const table = await c.tabular(counted);
          await checkKeys(table, steps);
          await table[Symbol.asyncDispose]();
        });
      },
    },
  ];
}

interface KeyStep {
  readonly ids: readonly (number | undefined)[];
  readonly bulk: boolean;
  readonly awaited: boolean;
  readonly remove: boolean;
}

/** Inserts rows with and without keys; whatever was stored and not given again has to be there. */
async function checkKeys(table: TestTabular, steps: readonly KeyStep[]): Promise<void> {
  const stored = new Map<unknown, unknown>();
  const generated = new Set<unknown>();
  const running: Promise<void>[] = [];
  let names = 0;
  const note = (row: { id?: unknown; name?: unknown }, own: boolean): void => {
    if (own) {
      assertEqual(
        generated.has(row.id) || stored.has(row.id),
        false,
        `a row had the generated id ${show(row.id)}`,
      );
      generated.add(row.id);
    }
    stored.set(row.id, row.name);
  };
  for (const { ids: keys, bulk, awaited, remove } of steps) {
    const given = keys.map((id) => ({ ...(id !== undefined && { id }), name: `${names++}` }));
    const write = async (): Promise<void> => {
      if (bulk) {
        const results = await table.putBulk(given);
        const last = new Map(results.map((row) => [row.id, row]));
        for (const [i, row] of results.entries())
          note(last.get(row.id) ?? row, keys[i] === undefined);
      } else {
        for (const [i, row] of given.entries()) note(await table.put(row), keys[i] === undefined);
      }
    };
    // Only generated keys run beside others: which of two given keys came last would be open.
    if (!awaited && keys.every((key) => key === undefined)) {
      running.push(write());
      continue;
    }
    await Promise.all(running.splice(0));
    await write();
    if (remove && stored.size > 0) {
      const [id] = [...stored.keys()].slice(-1);
      await table.delete({ id });
      stored.delete(id);
    }
  }
  await Promise.all(running);
  const expected = [...stored].map(([id, name]) => ({ id, name }));
  assertEqual(await table.getAll(), orUndefined(sorted(expected, [], ["id"])), "the rows");
}
