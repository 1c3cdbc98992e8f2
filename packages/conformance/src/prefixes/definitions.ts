import { assertEqual, assertInvalid, assertThrowsInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { user, users } from "../tabular/tables.ts";
import { prefixes, tenantOf } from "./tenants.ts";

export const definitionCases: readonly Case[] = [
  {
    name: "hostile prefix values are values like any other",
    requires: [sharedTables],
    run: async (c) => {
      const values = ["' OR 1=1 --", '"', "%", "a\\", "\u{1f600}", "__proto__", "A", "a", "a "];
      for (const value of values)
        await (await c.tabular(tenantOf(users, value, 0))).put(user("a", { email: value }));
      for (const value of values) {
        const table = await c.tabular(tenantOf(users, value, 0));
        assertEqual(
          await table.getAll(),
          [user("a", { email: value })],
          `the rows of ${show(value)}`,
        );
      }
      for (const project of [-1, 0, Number.MAX_SAFE_INTEGER]) {
        const table = await c.tabular(tenantOf(users, "numbers", project));
        await table.put(user("a", { age: project }));
        assertEqual(await table.getAll(), [user("a", { age: project })], `the rows of ${project}`);
      }
    },
  },
  {
    name: "prefix names are quoted, whatever they are",
    run: async (c) => {
      for (const name of [
        "select",
        "with space",
        'dou"ble',
        "sin'gle",
        "camelCase",
        "\u00fc\u{1f600}",
        "constructor",
        "--",
        "x".repeat(63),
      ]) {
        const options = {
          prefixes: [{ name, type: "uuid" }],
          prefixValues: { [name]: "v" },
        } as const;
        const table = await c.tabular({ ...users, options });
        await table.put(user("a"));
        assertEqual(
          await table.query({ name: "name of a" }),
          [user("a")],
          `the rows with the prefix ${show(name)}`,
        );
        assertEqual(
          (await table.getPage({ orderBy: [{ column: "age", direction: "DESC" }] })).items,
          [user("a")],
        );
      }
    },
  },
  {
    name: "refuses prefixes whose names or types cannot be",
    run: async (c) => {
      const refused = (prefixes: unknown, prefixValues: unknown, what: string): void =>
        assertThrowsInvalid(
          () => c.constructTabular({ ...users, options: { prefixes, prefixValues } as never }),
          what,
        );
      refused([{ name: "", type: "uuid" }], { "": "v" }, "an empty name");
      refused([{ name: "a\0b", type: "uuid" }], { "a\0b": "v" }, "a name with NUL");
      refused([{ name: "\ud800", type: "uuid" }], { "\ud800": "v" }, "half a character as name");
      refused(
        [{ name: "x".repeat(64), type: "uuid" }],
        { ["x".repeat(64)]: "v" },
        "a name of 64 bytes",
      );
      refused(
        [{ name: "\u00fc".repeat(32), type: "uuid" }],
        { ["\u00fc".repeat(32)]: "v" },
        "a name of 64 bytes",
      );
      refused([{ name: "name", type: "uuid" }], { name: "v" }, "a column's name");
      refused([{ name: "id", type: "uuid" }], { id: "v" }, "the key's name");
      refused(
        [
          { name: "p", type: "uuid" },
          { name: "p", type: "uuid" },
        ],
        { p: "v" },
        "a name twice",
      );
      refused([{ name: "p", type: "text" }], { p: "v" }, "an unknown type");
      refused([{ name: "p" }], { p: "v" }, "no type");
      refused([{ name: 5, type: "uuid" }], { 5: "v" }, "a number as name");
    },
  },
  {
    name: "refuses prefix values that are missing, unknown or of the wrong type",
    run: async (c) => {
      const refused = (prefixValues: unknown, what: string): void =>
        assertThrowsInvalid(
          () => c.constructTabular({ ...users, options: { prefixes, prefixValues } as never }),
          what,
        );
      refused(undefined, "no values");
      refused({}, "no values");
      refused({ user_id: "a" }, "one value missing");
      refused({ user_id: "a", project: 1, other: "x" }, "a value too many");
      for (const user_id of ["", 1, null, undefined, {}, "a\0", "\ud800"])
        refused({ user_id, project: 1 }, `user_id ${show(user_id)}`);
      for (const project of ["1", 1.5, null, undefined, Number.NaN, 2 ** 53, 1n])
        refused({ user_id: "a", project }, `project ${show(project)}`);
      const inherited = Object.create({ user_id: "a", project: 1 }) as object;
      refused(inherited, "inherited values");
    },
  },
  {
    name: "prefixes count among the 2,000 bytes of an index entry",
    run: async (c) => {
      const table = await c.tabular(tenantOf(users, "t".repeat(1_500), 1));
      await table.put(user("short", { name: "n" }));
      await assertInvalid(
        () => table.put(user("k".repeat(501), { name: "n" })),
        "a key of 501 bytes",
      );
      await assertInvalid(
        () => table.put(user("k", { name: "n".repeat(501) })),
        "an indexed text of 501 bytes",
      );
      assertEqual(await table.getAll(), [user("short", { name: "n" })], "the rows");
    },
  },
];
