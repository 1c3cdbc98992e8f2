import { assertEqual, assertRejects } from "../assert.ts";
import type { Case } from "../harness.ts";
import { account, accounts } from "./tables.ts";

const conflict = { name: "StorageConflictError", kind: "invalid" } as const;

export const uniqueCases: readonly Case[] = [
  {
    name: "a unique index refuses a second row with its value, in every writing method",
    run: async (c) => {
      const table = await c.tabular(accounts);
      const before = [account("a"), account("b")];
      await table.putBulk(before);
      const email = "a@example.org";
      await assertRejects(() => table.put(account("c", { email })), conflict, "put of a new row");
      await assertRejects(
        () => table.put(account("b", { email })),
        conflict,
        "put over another row",
      );
      await assertRejects(() => table.insert(account("c", { email })), conflict, "insert");
      await assertRejects(() => table.update({ id: "b" }, { email }), conflict, "update");
      const bulk = [account("d"), account("c", { email })];
      await assertRejects(() => table.putBulk(bulk), conflict, "putBulk");
      const twins = [account("d", { email: "t" }), account("e", { email: "t" })];
      await assertRejects(() => table.putBulk(twins), conflict, "putBulk of twins");
      const quiet = await table.insert(account("c", { email }), { onConflict: "ignore" });
      assertEqual(quiet, undefined, "insert with ignore");
      assertEqual(await table.getAll(), before, "the rows");
      assertEqual(await table.query({ email }), [account("a")], "the rows by the unique column");
    },
  },
  {
    name: "a unique index takes a row's own value again, and one that has become free",
    run: async (c) => {
      const table = await c.tabular(accounts);
      await table.putBulk([account("a"), account("b")]);
      const email = "a@example.org";
      await table.put(account("a", { number: 5 }));
      await table.update({ id: "a" }, { email, number: 6 });
      await table.update({ id: "a" }, { email: "new@example.org" });
      await table.put(account("b", { email }));
      await table.delete({ id: "b" });
      await table.insert(account("c", { email }));
      await table.deleteSearch({ email });
      await table.put(account("d", { email }));
      await table.deleteAll();
      await table.put(account("e", { email }));
      assertEqual(await table.getAll(), [account("e", { email })], "the rows");
    },
  },
  {
    name: "a unique index takes any number of nulls",
    run: async (c) => {
      const table = await c.tabular(accounts);
      const rows = [
        account("a"),
        account("b"),
        account("c", { country: "ch" }),
        account("d", { country: "ch" }),
        account("e", { number: 1 }),
        account("f", { number: 1 }),
        account("g", { country: "ch", number: 1 }),
        account("h", { country: "de", number: 1 }),
      ];
      await table.putBulk(rows);
      assertEqual(await table.getAll(), rows, "the rows");
      const second = account("i", { country: "ch", number: 1 });
      await assertRejects(() => table.put(second), conflict, "a second ch, 1");
      await assertRejects(
        () => table.update({ id: "f" }, { country: "ch" }),
        conflict,
        "an update to ch, 1",
      );
    },
  },
];
