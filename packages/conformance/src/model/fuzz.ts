import fc from "fast-check";
import { assert, assertEqual } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestTabular } from "../harness.ts";
import { tabularStorage } from "../requirements.ts";
import { HOSTILE_TEXTS, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { modelTable } from "./arbitraries.ts";
import { checkProperty, type ModelOptions } from "./runs.ts";

const hostileTexts = fc.constantFrom(
  ...HOSTILE_TEXTS,
  ...UNSTORABLE_TEXTS,
  "=1 OR 1=1 --",
  "id",
  "text",
  "code",
);

/** Anything at all, and often something close to what is wanted. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: hostileTexts },
  {
    weight: 2,
    arbitrary: fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withTypedArray: true,
      withNullPrototype: true,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      null,
      undefined,
      0,
      -1,
      Number.NaN,
      2 ** 60,
      [],
      {},
      () => 1,
      Symbol("s"),
    ),
  },
);

const conditions = fc.oneof(
  anything,
  fc.record({ operator: anything, value: anything }),
  fc.array(fc.record({ operator: anything, value: anything }), { maxLength: 2 }),
);

const criteria = fc.oneof(anything, fc.dictionary(hostileTexts, conditions, { maxKeys: 3 }));

/** Rows, patches and keys that never name the neighbour. */
const wildRows = fc.oneof(
  anything,
  fc.dictionary(hostileTexts, anything, { maxKeys: 4 }),
  fc.record(
    {
      id: fc.oneof(anything, fc.integer({ min: 100, max: 110 })),
      text: anything,
      number: anything,
      flag: anything,
      at: anything,
      big: anything,
      bytes: anything,
      code: anything,
      json: anything,
    },
    { requiredKeys: ["id"] },
  ),
);

const NEIGHBOUR = -77;

/** Calls with wild arguments, none of which can mean the neighbour's row if it is understood right. */
const calls: fc.Arbitrary<{ readonly method: string; readonly given: readonly unknown[] }> =
  fc.oneof(
    fc.record({
      method: fc.constantFrom("put", "insert", "get", "delete"),
      given: fc.tuple(wildRows),
    }),
    fc.record({
      method: fc.constantFrom("putBulk", "getMany"),
      given: fc.tuple(fc.oneof(anything, fc.array(wildRows, { maxLength: 3 }))),
    }),
    fc.record({
      method: fc.constant("update"),
      given: fc.tuple(
        wildRows,
        wildRows,
        fc.oneof(fc.constant({}), fc.record({ expect: criteria })),
      ),
    }),
    fc.record({ method: fc.constantFrom("query", "count"), given: fc.tuple(criteria) }),
    fc.record({
      method: fc.constant("deleteSearch"),
      given: fc.tuple(
        fc
          .dictionary(hostileTexts, conditions, { minKeys: 1, maxKeys: 2 })
          .map((wild) => ({ ...wild, id: { operator: ">", value: 50 } })),
      ),
    }),
    fc.record({ method: fc.constant("getBulk"), given: fc.tuple(anything, anything) }),
    fc.record({
      method: fc.constant("getAll"),
      given: fc.tuple(
        fc.record(
          {
            orderBy: fc.oneof(
              anything,
              fc.array(fc.record({ column: anything, direction: anything })),
            ),
            limit: anything,
            offset: anything,
            select: fc.oneof(anything, fc.array(anything)),
          },
          { requiredKeys: [] },
        ),
      ),
    }),
    fc.record({
      method: fc.constant("getPage"),
      given: fc.tuple(
        fc.record(
          {
            criteria,
            orderBy: fc.oneof(
              anything,
              fc.array(fc.record({ column: anything, direction: anything })),
            ),
            limit: anything,
            cursor: anything,
            select: anything,
          },
          { requiredKeys: [] },
        ),
      ),
    }),
    fc.record({ method: fc.constantFrom("records", "pages"), given: fc.tuple(anything) }),
  );

const DRIVER_WORDS =
  /SQLITE|syntax error|no such|near "|datatype mismatch|bind|is not a function|Cannot read|undefined \(/i;

function checkError(error: unknown, what: string): void {
  const { kind, message } = error as { kind?: unknown; message?: unknown };
  assert(kind === "invalid", `${what} failed with ${show(error)}, kind ${show(kind)}`);
  assert(!DRIVER_WORDS.test(String(message)), `${what} failed with ${show(error)}`);
}

async function callWildly(
  table: TestTabular,
  method: string,
  given: readonly unknown[],
): Promise<void> {
  const fn = table[method as "query"] as unknown as (...args: readonly unknown[]) => unknown;
  const what = `${method}(${given.map(show).join(", ")})`;
  try {
    const result = fn.apply(table, given as unknown[]);
    if (method === "records" || method === "pages") await collect(result as AsyncIterable<unknown>);
    else await result;
  } catch (error) {
    checkError(error, what);
  }
}

export function fuzzCases(options: ModelOptions): readonly Case[] {
  const timeoutMs = 60_000 * Math.max(1, options.effort ?? 1);
  return [
    {
      name: "wild arguments are refused as invalid or understood, and never touch a neighbour's row",
      requires: [tabularStorage],
      timeoutMs,
      run: async (c) => {
        const table = await c.tabular(modelTable);
        const neighbour = {
          id: NEIGHBOUR,
          text: "neighbour",
          flag: null,
          at: null,
          bytes: null,
          code: null,
          json: { kept: true },
        };
        await table.put(neighbour);
        await checkProperty(
          fc.array(calls, { minLength: 1, maxLength: 5 }),
          250,
          options,
          async (list) => {
            for (const { method, given } of list) {
              await callWildly(table, method, given);
              assertEqual(await table.get({ id: NEIGHBOUR }), neighbour, "the neighbour's row");
            }
          },
        );
        assert(!("polluted" in {}), "the prototype of all objects was changed");
      },
    },
    {
      name: "wild schemas, keys, indexes and options are refused as invalid or work",
      requires: [tabularStorage],
      timeoutMs,
      run: async (c) => {
        const node = fc.oneof(
          anything,
          fc.record(
            {
              type: fc.oneof(
                anything,
                fc.constantFrom("string", "integer", "array", "object", "null"),
              ),
              format: hostileTexts,
              "x-auto-generated": fc.boolean(),
            },
            { requiredKeys: ["type"] },
          ),
        );
        const schema = fc.oneof(
          anything,
          fc.record(
            {
              type: fc.constant("object"),
              properties: fc.oneof(anything, fc.dictionary(hostileTexts, node, { maxKeys: 4 })),
              required: anything,
            },
            { requiredKeys: ["type"] },
          ),
        );
        const names = fc.oneof(
          anything,
          fc.array(fc.oneof(hostileTexts, anything), { maxLength: 2 }),
        );
        const spec = fc.record({
          schema,
          primaryKey: names,
          indexes: names,
          options: fc.oneof(
            fc.constant(undefined),
            anything,
            fc.record(
              {
                prefixes: anything,
                prefixValues: anything,
                uniqueIndexes: names,
                clientProvidedKeys: anything,
              },
              { requiredKeys: [] },
            ),
          ),
        });
        await checkProperty(spec, 300, options, async (given) => {
          try {
            const table = c.constructTabular(given as never);
            await table.setupDatabase();
            assertEqual(await table.size(), 0, "the size of a new table");
            await table[Symbol.asyncDispose]();
          } catch (error) {
            checkError(error, `a storage of ${show(given)}`);
          }
        });
      },
    },
  ];
}
