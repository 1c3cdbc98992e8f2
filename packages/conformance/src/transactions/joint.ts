import { assert, assertEqual, assertRejects, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import {
  changes,
  jointTransactions,
  kvStorage,
  secondConnection,
  vectorStorage,
} from "../requirements.ts";
import { watchChanges } from "../subscriptions/watchChanges.ts";
import { account, accounts, user, users } from "../tabular/tables.ts";
import { chunk, chunks } from "../vector/tables.ts";

export const jointCases: readonly Case[] = [
  {
    name: "withTransaction commits the writes of several storages together",
    requires: [jointTransactions],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(accounts)];
      const result = await c.withTransaction(async (tx) => {
        const [one, two] = [table.with(tx), other.with(tx)];
        await one.put(user("a"));
        await two.put(account("b"));
        assertEqual([await one.size(), await two.size()], [1, 1], "the sizes inside");
        return "done";
      });
      assertEqual(result, "done", "what withTransaction gave");
      assertEqual(
        [await table.getAll(), await other.getAll()],
        [[user("a")], [account("b")]],
        "the rows",
      );
    },
  },
  {
    name: "withTransaction undoes the writes of all storages when its function throws",
    requires: [jointTransactions],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(accounts)];
      await table.put(user("a"));
      const reason = new Error("abandoned");
      const error = await rejection(
        () =>
          c.withTransaction(async (tx) => {
            await table.with(tx).deleteAll();
            await other.with(tx).put(account("b"));
            throw reason;
          }),
        "withTransaction",
      );
      assert(error === reason, `it rejected with ${String(error)}`);
      assertEqual(
        [await table.getAll(), await other.getAll()],
        [[user("a")], undefined],
        "the rows",
      );
    },
  },
  {
    name: "withTransaction takes key-value storages along",
    requires: [jointTransactions, kvStorage],
    run: async (c) => {
      const [table, kv] = [await c.tabular(users), await c.kv()];
      await kv.put("kept", 1);
      const log = recordEvents(kv, ["put", "delete", "deleteall"]);
      const failing = c.withTransaction(async (tx) => {
        const inside = kv.with(tx);
        await table.with(tx).put(user("a"));
        await inside.put("lost", 1);
        await inside.delete("kept");
        assertEqual(
          [await inside.get("lost"), await inside.has("kept")],
          [1, false],
          "the entries inside",
        );
        throw new Error("abandoned");
      });
      const error = await rejection(() => failing, "an abandoned transaction");
      assertEqual((error as Error).message, "abandoned", "its message");
      assertEqual(await kv.getAll(), [{ key: "kept", value: 1 }], "the entries");
      assertEqual(await table.size(), 0, "the size");
      assertEqual(drain(log), [], "the events of the abandoned transaction");
      await c.withTransaction(async (tx) => {
        await table.with(tx).put(user("a"));
        await kv.with(tx).putBulk([{ key: "b", value: 2 }]);
        assertEqual(drain(log), [], "the events before the commit");
      });
      assertEqual(await kv.get("b"), 2, "the entry");
      assertEqual(await table.size(), 1, "the size");
      assertEqual(drain(log), [["put", "b", 2]], "the events");
    },
  },
  {
    name: "withTransaction takes vector storages along",
    requires: [jointTransactions, vectorStorage],
    run: async (c) => {
      const [table, vectors] = [await c.tabular(users), await c.vector(chunks)];
      await vectors.put(chunk("kept", [1, 0, 0]));
      const query = new Float32Array([1, 0, 0]);
      const failing = c.withTransaction(async (tx) => {
        const inside = vectors.with(tx);
        await table.with(tx).put(user("a"));
        await inside.put(chunk("lost", [1, 0, 0.1]));
        await inside.delete({ id: "kept" });
        const found = await inside.similaritySearch(query);
        assertEqual(
          found.map(({ id }) => id),
          ["lost"],
          "the rows found inside",
        );
        throw new Error("abandoned");
      });
      const error = await rejection(() => failing, "an abandoned transaction");
      assertEqual((error as Error).message, "abandoned", "its message");
      const after = await vectors.similaritySearch(query);
      assertEqual(
        after.map(({ id }) => id),
        ["kept"],
        "the rows found after the rollback",
      );
      await c.withTransaction(async (tx) => {
        await table.with(tx).put(user("a"));
        await vectors.with(tx).put(chunk("b", [1, 0.1, 0]));
      });
      const last = await vectors.similaritySearch(query);
      assertEqual(
        last.map(({ id }) => id),
        ["kept", "b"],
        "the rows found after the commit",
      );
    },
  },
  {
    name: "in withTransaction a storage's own transaction is a savepoint",
    requires: [jointTransactions],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(accounts)];
      await c.withTransaction(async (tx) => {
        const inside = table.with(tx);
        await inside.put(user("a"));
        const nested = inside.transaction(async (inner) => {
          await inner.put(user("lost"));
          throw new Error("abandoned");
        });
        await nested.catch(() => undefined);
        await other.with(tx).put(account("b"));
      });
      assertEqual(
        [await table.getAll(), await other.getAll()],
        [[user("a")], [account("b")]],
        "the rows",
      );
    },
  },
  {
    name: "a failing call of one storage does not end the joint transaction",
    requires: [jointTransactions],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(accounts)];
      await other.put(account("taken"));
      await c.withTransaction(async (tx) => {
        await table.with(tx).put(user("a"));
        const conflict = { name: "StorageConflictError" };
        await assertRejects(() => other.with(tx).insert(account("taken")), conflict, "a taken key");
        await other.with(tx).put(account("b"));
      });
      assertEqual([await table.size(), await other.size()], [1, 2], "the sizes");
    },
  },
  {
    name: "events and changes of all storages follow the joint commit",
    requires: [jointTransactions, changes],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(accounts)];
      const log = [recordEvents(table, ["put"]), recordEvents(other, ["put"])] as const;
      const watched = [await watchChanges(table), await watchChanges(other)] as const;
      await c.withTransaction(async (tx) => {
        await table.with(tx).put(user("a"));
        await other.with(tx).put(account("b"));
        assertEqual([log[0].length, log[1].length], [0, 0], "the events before the commit");
      });
      assertEqual([log[0], log[1]], [[["put", user("a")]], [["put", account("b")]]], "the events");
      assertEqual(await watched[0].next(1), [{ type: "INSERT", new: user("a") }]);
      assertEqual(await watched[1].next(1), [{ type: "INSERT", new: account("b") }]);
      await Promise.all(watched.map((one) => one.stop()));
    },
  },
  {
    name: "a storage refuses a transaction that has ended or belongs to another database",
    requires: [jointTransactions],
    run: async (c) => {
      const table = await c.tabular(users);
      let ended: Parameters<typeof table.with>[0] | undefined;
      let view: typeof table | undefined;
      await c.withTransaction(async (tx) => {
        ended = tx;
        view = table.with(tx);
      });
      const misuse = { name: "StorageTransactionError" };
      await assertRejects(
        async () => table.with(ended as never),
        misuse,
        "with() of an ended transaction",
      );
      await assertRejects(
        () => (view as typeof table).get({ id: "a" }),
        misuse,
        "a call of its view",
      );
      await assertRejects(
        () => (view as typeof table).put(user("a")),
        misuse,
        "a write of its view",
      );
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "a storage refuses the transaction of another connection",
    requires: [jointTransactions, secondConnection],
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const table = await c.tabular(spec);
      const elsewhere = await c.connect();
      await elsewhere.tabular(spec);
      const misuse = { name: "StorageTransactionError" };
      await elsewhere.withTransaction(async (tx) => {
        await assertRejects(async () => table.with(tx), misuse, "with() of a foreign transaction");
      });
    },
  },
];
