import { assertEqual, assertRejects } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestTabular } from "../harness.ts";
import { jointTransactions, trackedCalls } from "../requirements.ts";
import { user, users } from "../tabular/tables.ts";
import { begun, gate } from "./gate.ts";

const misuse = { name: "StorageTransactionError" };

const calls = (table: TestTabular): Readonly<Record<string, () => Promise<unknown>>> => ({
  put: () => table.put(user("x")),
  putBulk: () => table.putBulk([user("x")]),
  insert: () => table.insert(user("x")),
  update: () => table.update({ id: "a" }, { age: 1 }),
  get: () => table.get({ id: "a" }),
  getMany: () => table.getMany([{ id: "a" }]),
  getAll: () => table.getAll(),
  query: () => table.query({ id: "a" }),
  count: () => table.count(),
  size: () => table.size(),
  getBulk: () => table.getBulk(0, 1),
  getPage: () => table.getPage(),
  records: () => collect(table.records()),
  pages: () => collect(table.pages()),
  delete: () => table.delete({ id: "a" }),
  deleteSearch: () => table.deleteSearch({ id: "a" }),
  deleteAll: () => table.deleteAll(),
  transaction: () => table.transaction(async () => 1),
});

export const misuseCases: readonly Case[] = [
  {
    name: "a call on the storage itself from inside a transaction is a StorageTransactionError",
    requires: [trackedCalls],
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await table.transaction(async (tx) => {
        for (const [name, call] of Object.entries(calls(table)))
          await assertRejects(call, misuse, name);
        await tx.put(user("b"));
      });
      assertEqual(await table.getAll(), [user("a"), user("b")], "the rows");
    },
  },
  {
    name: "also from functions that it calls, later and nested",
    requires: [trackedCalls],
    run: async (c) => {
      const table = await c.tabular(users);
      const later = async (): Promise<unknown> => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return table.get({ id: "a" });
      };
      await table.transaction(async (tx) => {
        await assertRejects(later, misuse, "a later call");
        await tx.transaction(async () => {
          await assertRejects(later, misuse, "a call from a nested transaction");
        });
      });
    },
  },
  {
    name: "also on another storage of the same database",
    requires: [jointTransactions, trackedCalls],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(users)];
      await c.withTransaction(async (tx) => {
        await assertRejects(() => other.put(user("x")), misuse, "a call past the transaction");
        await table.with(tx).put(user("a"));
        await other.with(tx).put(user("b"));
      });
      assertEqual([await table.size(), await other.size()], [1, 1], "the sizes");
    },
  },
  {
    name: "a misuse that is not caught rolls the transaction back",
    requires: [trackedCalls],
    run: async (c) => {
      const table = await c.tabular(users);
      const misused = (): Promise<unknown> =>
        table.transaction(async (tx) => {
          await tx.put(user("a"));
          await table.put(user("b"));
        });
      await assertRejects(misused, misuse, "the transaction");
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "a handle is of no use once its transaction has ended",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      const kept: TestTabular[] = [];
      await table.transaction(async (tx) => {
        kept.push(tx);
        await tx.transaction(async (inner) => {
          kept.push(inner);
        });
      });
      const failing = table.transaction(async (tx) => {
        kept.push(tx);
        throw new Error("abandoned");
      });
      await failing.catch(() => undefined);
      for (const handle of kept) {
        for (const [name, call] of Object.entries(calls(handle)))
          await assertRejects(call, misuse, name);
      }
      assertEqual(await table.getAll(), [user("a")], "the rows");
    },
  },
  {
    name: "a transaction can follow another from the same place",
    run: async (c) => {
      const table = await c.tabular(users);
      for (let i = 0; i < 5; i++) {
        await table.transaction(async (tx) => {
          await tx.put(user(`${i}`));
        });
        await table.update({ id: `${i}` }, { age: i });
      }
      assertEqual(await table.size(), 5, "the size");
    },
  },
  {
    name: "calls from elsewhere work while a transaction is open",
    run: async (c) => {
      const table = await c.tabular(users);
      const [begunGate, goOn] = [gate(), gate()];
      const transaction = begun(() =>
        table.transaction(async (tx) => {
          await tx.put(user("a"));
          begunGate.open();
          await goOn.passed;
          await tx.put(user("b"));
        }),
      );
      await begunGate.passed;
      const elsewhere = begun(() => table.put(user("c")));
      setTimeout(() => goOn.open(), 10);
      await Promise.all([transaction.done, elsewhere.done]);
      assertEqual(
        (await table.getAll())?.map(({ id }) => id),
        ["a", "b", "c"],
        "the ids",
      );
    },
  },
];
