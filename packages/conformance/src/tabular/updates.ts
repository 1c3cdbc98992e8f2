import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { show } from "../show.ts";
import { nullability, pairs, user, users } from "./tables.ts";

export const updateCases: readonly Case[] = [
  {
    name: "update changes the columns given and gives the whole row",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 1, tags: ["x"] }));
      const expected = user("a", { name: "new", age: 1, email: "e", tags: ["x"] });
      assertEqual(
        await table.update({ id: "a" }, { name: "new", email: "e" }),
        expected,
        "what update gave",
      );
      assertEqual(await table.get({ id: "a" }), expected, "the row");
      assertEqual(await table.update({ id: "a" }, {}), expected, "an empty update");
      assertEqual(await table.count({ name: "new" }), 1, "the rows of the new name");
      assertEqual(await table.count({ name: "name of a" }), 0, "the rows of the old name");
    },
  },
  {
    name: "update of a missing row gives undefined and makes none",
    run: async (c) => {
      const table = await c.tabular(users);
      assertEqual(await table.update({ id: "a" }, { name: "new" }), undefined, "what update gave");
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "undefined in a patch removes the property",
    run: async (c) => {
      const table = await c.tabular(nullability);
      const full = {
        id: "x",
        absent: "a",
        nullable: "n",
        both: "b",
        absentJson: {},
        bothJson: {},
        bothBytes: null,
      };
      await table.put(full);
      const patch = {
        absent: undefined,
        both: undefined,
        absentJson: undefined,
        bothJson: undefined,
      };
      const expected = { id: "x", nullable: "n", both: null, bothJson: null, bothBytes: null };
      assertEqual(await table.update({ id: "x" }, patch), expected, "what update gave");
      assertEqual(await table.get({ id: "x" }), expected, "the row");
      await assertInvalid(
        () => table.update({ id: "x" }, { nullable: undefined }),
        "a required column",
      );
      assertEqual(await table.update({ id: "x" }, { nullable: null }), {
        ...expected,
        nullable: null,
      });
    },
  },
  {
    name: "update cannot change a key, and takes the same one",
    run: async (c) => {
      const table = await c.tabular(pairs);
      await table.put({ group: "g", rank: 1 });
      const key = { group: "g", rank: 1 };
      await assertInvalid(() => table.update(key, { rank: 2 }), "another rank");
      await assertInvalid(() => table.update(key, { group: "h", note: "n" }), "another group");
      await assertInvalid(() => table.update(key, { group: undefined }), "no group");
      await assertInvalid(() => table.update(key, { rank: null }), "a null rank");
      assertEqual(
        await table.update(key, { ...key, note: "n" }),
        { ...key, note: "n" },
        "the same key",
      );
      assertEqual(await table.getAll(), [{ ...key, note: "n" }], "the rows");
    },
  },
  {
    name: "update refuses patches that are none or name unknown columns",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      for (const patch of [undefined, null, 1, "name", []]) {
        await assertInvalid(
          () => table.update({ id: "a" }, patch as never),
          `the patch ${show(patch)}`,
        );
      }
      const name = "StorageInvalidColumnError";
      for (const column of ["other", "constructor", "Name", "name = 'x' --"]) {
        await assertInvalid(
          () => table.update({ id: "a" }, { [column]: "x" }),
          `the column ${show(column)}`,
          name,
        );
        const expect = { [column]: "x" };
        await assertInvalid(
          () => table.update({ id: "a" }, { age: 1 }, { expect }),
          `expecting ${show(column)}`,
          name,
        );
      }
      await assertInvalid(
        () => table.update({ id: "a" }, JSON.parse('{"__proto__":"x"}')),
        "__proto__",
      );
      assertEqual(await table.getAll(), [user("a")], "the rows");
    },
  },
  {
    name: "update with expect changes the row only where every column holds the value",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 1 }));
      const key = { id: "a" };
      assertEqual(
        await table.update(key, { age: 9 }, { expect: { age: 2 } }),
        undefined,
        "another age",
      );
      assertEqual(
        await table.update(key, { age: 9 }, { expect: { age: null as never } }),
        undefined,
        "no age",
      );
      assertEqual(
        await table.update(key, { age: 9 }, { expect: { age: 1, name: "x" } }),
        undefined,
        "another name",
      );
      assertEqual(await table.get(key), user("a", { age: 1 }), "the row");
      const held = { age: 1, name: "name of a", email: null, id: "a" };
      assertEqual(
        await table.update(key, { age: 2 }, { expect: held }),
        user("a", { age: 2 }),
        "the row expected",
      );
      assertEqual(
        await table.update(key, { age: 3 }, { expect: {} }),
        user("a", { age: 3 }),
        "nothing expected",
      );
      assertEqual(
        await table.update({ id: "b" }, { age: 3 }, { expect: {} }),
        undefined,
        "a missing row",
      );
    },
  },
  {
    name: "expect takes null for null and absent, and no value that is a condition",
    run: async (c) => {
      const table = await c.tabular(nullability);
      await table.put({ id: "x", nullable: null });
      const key = { id: "x" };
      const nulls = {
        absent: null,
        nullable: null,
        both: null,
        absentJson: null,
        bothJson: null,
      } as never;
      const row = await table.update(key, { nullable: "n" }, { expect: nulls });
      assertEqual(row?.nullable, "n", "the row whose columns were null or absent");
      assertEqual(
        await table.update(key, { nullable: "m" }, { expect: nulls }),
        undefined,
        "a column not null",
      );
      const condition = { nullable: { operator: "!=", value: "zzz" } } as never;
      await assertInvalid(
        () => table.update(key, { nullable: "m" }, { expect: condition }),
        "a condition",
      );
      await assertInvalid(
        () => table.update(key, { nullable: "m" }, { expect: { absentJson: {} } }),
        "JSON",
      );
      await assertInvalid(
        () => table.update(key, { nullable: "m" }, { expect: { nullable: undefined } }),
        "undefined",
      );
      await assertInvalid(
        () => table.update(key, { nullable: "m" }, { expect: "x" as never }),
        "no object",
      );
      assertEqual((await table.get(key))?.nullable, "n", "the stored column");
    },
  },
  {
    name: "concurrent compare-and-set loses no increment",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 0 }));
      const increment = async (): Promise<void> => {
        for (;;) {
          const age = (await table.get({ id: "a" }))?.age as number;
          if (await table.update({ id: "a" }, { age: age + 1 }, { expect: { age } })) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      assertEqual((await table.get({ id: "a" }))?.age, 20, "the count");
    },
  },
  {
    name: "updates of different columns of one row at the same time all hold",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await Promise.all([
        table.update({ id: "a" }, { age: 7 }),
        table.update({ id: "a" }, { email: "e" }),
        table.update({ id: "a" }, { tags: ["t"] }),
        table.update({ id: "a" }, { name: "n" }),
      ]);
      assertEqual(await table.get({ id: "a" }), {
        id: "a",
        name: "n",
        age: 7,
        email: "e",
        tags: ["t"],
      });
    },
  },
];
