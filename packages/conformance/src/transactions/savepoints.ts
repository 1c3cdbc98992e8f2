import { assert, assertEqual, rejection } from "../assert.ts";
import type { Case, TestTabular } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { changes } from "../requirements.ts";
import { watchChanges } from "../subscriptions/watchChanges.ts";
import { user, users } from "../tabular/tables.ts";
import { rolledBack } from "./commits.ts";

const ids = async (table: TestTabular): Promise<unknown> =>
  ((await table.getAll()) ?? []).map(({ id }) => id);

export const savepointCases: readonly Case[] = [
  {
    name: "a nested transaction that throws undoes only itself",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await rolledBack(tx, async (inner) => {
          await inner.put(user("b"));
          await inner.update({ id: "a" }, { age: 9 });
          assertEqual(await ids(inner), ["a", "b"], "the ids in the nested transaction");
        });
        assertEqual(await tx.getAll(), [user("a")], "the rows after it");
        await tx.put(user("c"));
      });
      assertEqual(await table.getAll(), [user("a"), user("c")], "the rows");
    },
  },
  {
    name: "a nested transaction that commits is undone with the outer one",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await rolledBack(table, async (tx) => {
        const result = await tx.transaction(async (inner) => {
          await inner.deleteAll();
          await inner.put(user("b"));
          return "done";
        });
        assertEqual(result, "done", "what the nested transaction gave");
        assertEqual(await ids(tx), ["b"], "the ids after it");
      });
      assertEqual(await ids(table), ["a"], "the ids");
    },
  },
  {
    name: "transactions nest to any depth",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.transaction(async (one) => {
        await one.put(user("1"));
        await one.transaction(async (two) => {
          await two.put(user("2"));
          await rolledBack(two, async (three) => {
            await three.put(user("3"));
            await three.transaction(async (four) => {
              await four.put(user("4"));
            });
            assertEqual(await ids(three), ["1", "2", "3", "4"], "the ids at depth three");
          });
          await two.transaction(async (three) => {
            await three.put(user("5"));
          });
        });
      });
      assertEqual(await ids(table), ["1", "2", "5"], "the ids");
    },
  },
  {
    name: "an error that leaves both transactions undoes both and comes back as it was",
    run: async (c) => {
      const table = await c.tabular(users);
      const reason = new Error("from the depth");
      const error = await rejection(
        () =>
          table.transaction(async (tx) => {
            await tx.put(user("a"));
            await tx.transaction(async (inner) => {
              await inner.put(user("b"));
              throw reason;
            });
          }),
        "a nested transaction that throws",
      );
      assert(error === reason, `it rejected with ${String(error)}`);
      assertEqual(await ids(table), [], "the ids");
    },
  },
  {
    name: "events of a nested transaction follow the outer commit, and those of one undone are dropped",
    run: async (c) => {
      const table = await c.tabular(users);
      const log = recordEvents(table, ["put", "delete"]);
      await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await rolledBack(tx, async (inner) => {
          await inner.put(user("lost"));
        });
        await tx.transaction(async (inner) => {
          await inner.put(user("b"));
        });
        assertEqual(drain(log), [], "the events before the outer commit");
        await tx.delete({ id: "a" });
      });
      assertEqual(drain(log), [
        ["put", user("a")],
        ["put", user("b")],
        ["delete", { id: "a" }],
      ]);
    },
  },
  {
    name: "changes of a nested transaction follow the outer commit, and those of one undone are dropped",
    requires: [changes],
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await rolledBack(tx, async (inner) => {
          await inner.put(user("lost"));
        });
        await tx.transaction(async (inner) => {
          await inner.put(user("b"));
        });
        assertEqual(watched.seen(), [], "the changes before the outer commit");
      });
      assertEqual(await watched.next(2), [
        { type: "INSERT", new: user("a") },
        { type: "INSERT", new: user("b") },
      ]);
      await watched.stop();
    },
  },
];
