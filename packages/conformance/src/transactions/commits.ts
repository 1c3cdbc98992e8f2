import { assert, assertEqual, assertInvalid, assertRejects, rejection } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestTabular } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { changes } from "../requirements.ts";
import { watchChanges } from "../subscriptions/watchChanges.ts";
import { account, accounts, counted, user, users } from "../tabular/tables.ts";

const conflict = { name: "StorageConflictError", kind: "invalid" } as const;

class Abandoned extends Error {}

/** Runs `work` in a transaction that then fails, and checks that the failure comes back as it was. */
export async function rolledBack(
  table: TestTabular,
  work: (tx: TestTabular) => Promise<void>,
): Promise<void> {
  const reason = new Abandoned("abandoned");
  const error = await rejection(
    () =>
      table.transaction(async (tx) => {
        await work(tx);
        throw reason;
      }),
    "a transaction that throws",
  );
  assert(error === reason, `the transaction rejects with ${String(error)}`);
}

export const commitCases: readonly Case[] = [
  {
    name: "a transaction gives what its function gives and keeps what it wrote",
    run: async (c) => {
      const table = await c.tabular(users);
      const result = await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await tx.putBulk([user("b"), user("c")]);
        await tx.insert(user("d"));
        await tx.update({ id: "a" }, { age: 1 });
        await tx.delete({ id: "b" });
        await tx.deleteSearch({ id: "c" });
        return { any: ["value"] };
      });
      assertEqual(result, { any: ["value"] });
      assertEqual(await table.getAll(), [user("a", { age: 1 }), user("d")], "the rows");
    },
  },
  {
    name: "a transaction whose function throws leaves everything as it was",
    run: async (c) => {
      const table = await c.tabular(users);
      const before = [user("a", { age: 1 }), user("b"), user("c")];
      await table.putBulk(before);
      const works: Record<string, (tx: TestTabular) => Promise<unknown>> = {
        put: (tx) => tx.put(user("new")),
        "put over": (tx) => tx.put(user("a", { name: "other" })),
        putBulk: (tx) => tx.putBulk([user("a"), user("new"), user("newer")]),
        insert: (tx) => tx.insert(user("new")),
        update: (tx) => tx.update({ id: "a" }, { age: 2, name: "x" }),
        delete: (tx) => tx.delete({ id: "a" }),
        deleteSearch: (tx) => tx.deleteSearch({ id: { operator: ">", value: "a" } }),
        deleteAll: (tx) => tx.deleteAll(),
        everything: async (tx) => {
          await tx.deleteAll();
          await tx.put(user("a", { name: "again" }));
          await tx.update({ id: "a" }, { age: 7 });
          await tx.delete({ id: "a" });
        },
      };
      for (const [name, work] of Object.entries(works)) {
        await rolledBack(table, async (tx) => {
          await work(tx);
        });
        assertEqual(await table.getAll(), before, `the rows after ${name}`);
        assertEqual(
          await table.query({ name: "name of a" }),
          [before[0]],
          `the index after ${name}`,
        );
        assertEqual(await table.size(), 3, `the size after ${name}`);
      }
    },
  },
  {
    name: "unique indexes are rolled back too",
    run: async (c) => {
      const table = await c.tabular(accounts);
      await table.put(account("a"));
      await rolledBack(table, async (tx) => {
        await tx.update({ id: "a" }, { email: "moved@example.org" });
        await tx.put(account("b", { email: "a@example.org" }));
      });
      await assertRejects(
        () => table.insert(account("b", { email: "a@example.org" })),
        conflict,
        "a taken email",
      );
      assertEqual(
        await table.put(account("c", { email: "moved@example.org" })),
        account("c", { email: "moved@example.org" }),
      );
    },
  },
  {
    name: "inside a transaction its own writes can be read by every method",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await table.transaction(async (tx) => {
        await tx.put(user("b", { age: 2 }));
        await tx.delete({ id: "a" });
        assertEqual(await tx.get({ id: "a" }), undefined, "get");
        assertEqual(await tx.get({ id: "b" }), user("b", { age: 2 }), "get");
        assertEqual(
          await tx.getMany([{ id: "b" }, { id: "a" }]),
          [user("b", { age: 2 })],
          "getMany",
        );
        assertEqual(await tx.query({ age: 2 }), [user("b", { age: 2 })], "query");
        assertEqual(await tx.getAll(), [user("b", { age: 2 })], "getAll");
        assertEqual(await tx.getBulk(0, 5), [user("b", { age: 2 })], "getBulk");
        assertEqual(await tx.getPage(), { items: [user("b", { age: 2 })] }, "getPage");
        assertEqual(await collect(tx.records()), [user("b", { age: 2 })], "records");
        assertEqual([await tx.size(), await tx.count({ age: 2 })], [1, 1], "size and count");
      });
    },
  },
  {
    name: "a call that fails inside a transaction undoes only itself",
    run: async (c) => {
      const table = await c.tabular(accounts);
      await table.put(account("a"));
      await table.transaction(async (tx) => {
        await tx.put(account("b"));
        await assertRejects(() => tx.insert(account("a")), conflict, "a taken key");
        const taken = account("d", { email: "a@example.org" });
        await assertRejects(
          () => tx.putBulk([account("c"), taken]),
          conflict,
          "a bulk with a taken email",
        );
        await assertInvalid(() => tx.put({ id: "x" }), "a bad row");
        assertEqual(
          await tx.insert(account("a"), { onConflict: "ignore" }),
          undefined,
          "insert or ignore",
        );
        await tx.put(account("e"));
      });
      assertEqual(
        (await table.getAll())?.map(({ id }) => id),
        ["a", "b", "e"],
        "the ids",
      );
    },
  },
  {
    name: "generated keys work inside a transaction and are not given twice",
    run: async (c) => {
      const table = await c.tabular(counted);
      let lost: unknown;
      await rolledBack(table, async (tx) => {
        lost = (await tx.put({ name: "lost" })).id;
      });
      assertEqual(typeof lost, "number", "the type of the id in the transaction");
      const ids = await table.transaction(async (tx) => {
        const rows = [
          await tx.put({ name: "a" }),
          ...(await tx.putBulk([{ name: "b" }, { name: "c" }])),
        ];
        return rows.map(({ id }) => id);
      });
      assertEqual(new Set(ids).size, 3, "the number of ids");
      assertEqual(
        (await table.getAll())?.map(({ id }) => id),
        ids,
        "the ids",
      );
      const after = await table.put({ name: "after" });
      assert((after.id as number) > (ids[2] as number), "the counter went back");
    },
  },
  {
    name: "events follow the commit, in the order of the calls",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("z"));
      const log = recordEvents(table, ["put", "delete", "clearall"]);
      await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await tx.delete({ id: "z" });
        await tx.putBulk([user("b"), user("c")]);
        assertEqual(drain(log), [], "the events before the commit");
      });
      assertEqual(drain(log), [
        ["put", user("a")],
        ["delete", { id: "z" }],
        ["put", user("b")],
        ["put", user("c")],
      ]);
      await table.transaction(async (tx) => {
        await tx.deleteAll();
        assertEqual(drain(log), [], "the events before the commit");
      });
      assertEqual(drain(log), [["clearall"]]);
    },
  },
  {
    name: "a rolled back transaction emits nothing",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("z"));
      const log = recordEvents(table, ["put", "delete", "clearall"]);
      await rolledBack(table, async (tx) => {
        await tx.put(user("a"));
        await tx.delete({ id: "z" });
        await tx.deleteAll();
      });
      await table.put(user("b"));
      assertEqual(drain(log), [["put", user("b")]]);
    },
  },
  {
    name: "changes follow the commit, in the order of the calls, and none come of a rollback",
    requires: [changes],
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("z"));
      const watched = await watchChanges(table);
      await rolledBack(table, async (tx) => {
        await tx.put(user("lost"));
        await tx.deleteAll();
      });
      await table.transaction(async (tx) => {
        await tx.put(user("a"));
        await tx.update({ id: "a" }, { age: 1 });
        await tx.delete({ id: "z" });
        assertEqual(watched.seen(), [], "the changes before the commit");
      });
      assertEqual(await watched.next(3), [
        { type: "INSERT", new: user("a") },
        { type: "UPDATE", old: user("a"), new: user("a", { age: 1 }) },
        { type: "DELETE", old: user("z") },
      ]);
      await watched.stop();
    },
  },
  {
    name: "a transaction with an aborted signal never begins",
    run: async (c) => {
      const table = await c.tabular(users);
      const reason = new Error("too late");
      let ran = false;
      const error = await rejection(
        () =>
          table.transaction(
            async (tx) => {
              ran = true;
              await tx.put(user("a"));
            },
            { signal: AbortSignal.abort(reason) },
          ),
        "a transaction with an aborted signal",
      );
      assert(
        error === reason && !ran,
        `it rejected with ${String(error)}, its function ran: ${ran}`,
      );
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "a transaction that is aborted on the way is rolled back",
    run: async (c) => {
      const table = await c.tabular(users);
      const controller = new AbortController();
      const reason = new Error("the caller left");
      const error = await rejection(
        () =>
          table.transaction(async (tx) => {
            await tx.put(user("a"));
            controller.abort(reason);
            await tx.put(user("b"));
          }, controller),
        "an aborted transaction",
      );
      assert(error === reason, `it rejected with ${String(error)}`);
      assertEqual(await table.size(), 0, "the size");
      await table.put(user("c"));
      assertEqual(await table.size(), 1, "the size after a later put");
    },
  },
  {
    name: "a transaction whose function is none is refused",
    run: async (c) => {
      const table = await c.tabular(users);
      for (const fn of [undefined, null, 5, "BEGIN"]) {
        await assertInvalid(() => table.transaction(fn as never), `transaction(${String(fn)})`);
      }
      await table.put(user("a"));
      assertEqual(await table.size(), 1, "the size");
    },
  },
  {
    name: "a transaction that is open when its storage is destroyed may finish",
    run: async (c) => {
      const table = await c.tabular(users);
      let finished = false;
      const running = table.transaction(async (tx) => {
        await tx.put(user("a"));
        table.destroy();
        await tx.put(user("b"));
        finished = (await tx.size()) === 2;
      });
      await running;
      assert(finished, "the transaction did not finish");
      await assertRejects(
        () => table.transaction(async () => 1),
        { name: "StorageClosedError" },
        "a later one",
      );
    },
  },
];
