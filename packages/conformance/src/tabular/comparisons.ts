import { not, type SearchCriteria } from "@workglow/storage";
import { assertEqual } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { checkQuery, measurementRows, VALUES } from "./measurements.ts";
import type { Operator, Tree } from "./reference.ts";
import { measurements, nullability, user, users } from "./tables.ts";

/** Values of a column and one that no row holds. */
function operandsOf(column: string): readonly unknown[] {
  const absent: Record<string, unknown> = { text: "zz", number: 5.5, count: 5, big: 77n };
  return column in absent ? [...(VALUES[column] ?? []), absent[column]] : (VALUES[column] ?? []);
}

const COMPARISONS: readonly Operator[] = ["=", "!=", "<", "<=", ">", ">="];

export const comparisonCases: readonly Case[] = [
  ...Object.keys(VALUES).map(
    (column): Case => ({
      name: `compares a ${column} column by every operator, and negated`,
      run: async (c) => {
        const table = await c.tabular(measurements);
        const rows = measurementRows();
        await table.putBulk(rows);
        for (const value of operandsOf(column)) {
          for (const operator of COMPARISONS) {
            const leaf: Tree = { kind: "column", column, operator, value };
            await checkQuery(table, rows, leaf);
            await checkQuery(table, rows, { kind: "not", part: leaf });
          }
        }
      },
    }),
  ),
  {
    name: "null matches null and absent, and only those",
    run: async (c) => {
      const table = await c.tabular(nullability);
      const rows = [
        { id: "a", nullable: null },
        {
          id: "b",
          nullable: "x",
          absent: "x",
          both: "x",
          absentJson: {},
          bothJson: {},
          bothBytes: new Uint8Array(1),
        },
        {
          id: "c",
          nullable: "",
          absent: "",
          both: "",
          absentJson: {},
          bothJson: {},
          bothBytes: new Uint8Array(0),
        },
      ];
      await table.putBulk(rows);
      const found = async (criteria: SearchCriteria<TestRow>): Promise<unknown> =>
        ((await table.query(criteria)) ?? []).map(({ id }) => id);
      for (const column of ["absent", "nullable", "both", "absentJson", "bothJson", "bothBytes"]) {
        assertEqual(await found({ [column]: null }), ["a"], `${column} null`);
        assertEqual(
          await found({ [column]: { operator: "=", value: null } }),
          ["a"],
          `${column} = null`,
        );
        assertEqual(
          await found({ [column]: { operator: "!=", value: null } }),
          ["b", "c"],
          `${column} != null`,
        );
        assertEqual(await found(not({ [column]: null })), ["b", "c"], `not ${column} null`);
        assertEqual(await table.count({ [column]: null }), 1, `the count of ${column} null`);
      }
    },
  },
  {
    name: "!= and not-in hold for null",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      for (const column of Object.keys(VALUES)) {
        const [first, second] = VALUES[column] ?? [];
        for (const value of [[], [first], [first, second], [null], [null, first], [first, first]]) {
          for (const operator of ["in", "not-in"] as const) {
            const leaf: Tree = { kind: "column", column, operator, value };
            await checkQuery(table, rows, leaf);
            await checkQuery(table, rows, { kind: "not", part: leaf });
          }
        }
        await checkQuery(table, rows, { kind: "column", column, operator: "!=", value: first });
      }
    },
  },
  {
    name: "in takes a thousand values",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(Array.from({ length: 50 }, (_, age) => user(`${age}`, { age })));
      const value = Array.from({ length: 1_000 }, (_, i) => i + 40);
      assertEqual(await table.count({ age: { operator: "in", value } }), 10, "in");
      assertEqual(await table.count({ age: { operator: "not-in", value } }), 40, "not-in");
    },
  },
  {
    name: "prefix takes its text literally, and by code point",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      for (const value of [
        "",
        "a",
        "a%",
        "a_",
        "A",
        "%",
        "_",
        "\uffff",
        "\u{1f600}",
        "\u{10ffff}",
        "zzz",
        "\ud7ff",
        "\\",
      ]) {
        const leaf: Tree = { kind: "column", column: "text", operator: "prefix", value };
        await checkQuery(table, rows, leaf);
        await checkQuery(table, rows, { kind: "not", part: leaf });
      }
    },
  },
  {
    name: "texts compare by their exact characters",
    run: async (c) => {
      const table = await c.tabular(users);
      const names = [
        "a",
        "A",
        "a ",
        "\u00e9",
        "e\u0301",
        "ss",
        "\u00df",
        "1",
        "01",
        "1.0",
        "i",
        "\u0130",
      ];
      await table.putBulk(names.map((name, i) => user(`${i}`, { name })));
      for (const [i, name] of names.entries()) {
        assertEqual(
          await table.query({ name }),
          [user(`${i}`, { name })],
          `the rows named ${show(name)}`,
        );
      }
    },
  },
];
