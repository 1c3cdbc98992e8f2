import { assertEqual } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { user, users } from "./tables.ts";

const ids = (rows: readonly TestRow[] | undefined): unknown[] => (rows ?? []).map(({ id }) => id);

export const deleteCases: readonly Case[] = [
  {
    name: "delete removes the row of a key or of a whole row, and a missing one is no error",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c"].map((id) => user(id)));
      await table.delete({ id: "a" });
      await table.delete(user("b", { name: "whatever" }));
      await table.delete({ id: "missing" });
      assertEqual(ids(await table.getAll()), ["c"], "the ids");
    },
  },
  {
    name: "deleteSearch removes what matches, and nothing for empty criteria",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c", "d"].map((id, age) => user(id, { age })));
      await table.deleteSearch({});
      assertEqual(await table.size(), 4, "the size after empty criteria");
      await table.deleteSearch({ age: { operator: ">=", value: 2 }, name: "name of c" });
      assertEqual(ids(await table.getAll()), ["a", "b", "d"], "the ids");
      await table.deleteSearch({ id: { operator: "in", value: [] } });
      assertEqual(await table.size(), 3, "the size after an empty list");
      await table.deleteSearch({ age: { operator: "not-in", value: [0] } });
      assertEqual(ids(await table.getAll()), ["a"], "the ids");
    },
  },
  {
    name: "deleteAll removes every row of this table and none of another",
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(users)];
      await table.putBulk(["a", "b"].map((id) => user(id)));
      await other.put(user("a"));
      await table.deleteAll();
      await table.deleteAll();
      assertEqual(await table.getAll(), undefined, "the rows");
      assertEqual(await other.size(), 1, "the size of the other table");
      await table.put(user("a"));
      assertEqual(await table.size(), 1, "the size afterwards");
    },
  },
];
