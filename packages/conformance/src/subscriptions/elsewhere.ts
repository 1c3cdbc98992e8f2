import { assertEqual } from "../assert.ts";
import type { Case, StorageCall } from "../harness.ts";
import {
  changesOfAllProcesses,
  otherProcess,
  secondConnection,
  sharedTables,
} from "../requirements.ts";
import { user, users } from "../tabular/tables.ts";
import { insert, removal, update } from "./changes.ts";
import { watchChanges } from "./watchChanges.ts";

const writes = (count: number): readonly StorageCall[] =>
  Array.from({ length: count }, (_, i) => [
    { method: "put", args: [user("r", { age: i })] },
    { method: "put", args: [user(`s${i}`.padStart(5, "0"))] },
  ]).flat();

export const elsewhereCases: readonly Case[] = [
  {
    name: "changes of another storage of the table are delivered",
    requires: [sharedTables],
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const [table, other] = [await c.tabular(spec), await c.tabular(spec)];
      const watched = await watchChanges(table);
      await other.put(user("a"));
      await table.update({ id: "a" }, { age: 1 });
      await other.deleteAll();
      assertEqual(await watched.next(3), [
        insert(user("a")),
        update(user("a"), user("a", { age: 1 })),
        removal(user("a", { age: 1 })),
      ]);
      await other[Symbol.asyncDispose]();
      await table.put(user("b"));
      assertEqual(await watched.next(1), [insert(user("b"))], "after the other was destroyed");
      await watched.stop();
    },
  },
  {
    name: "changes of another table are not delivered",
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(users)];
      const watched = await watchChanges(table);
      await other.put(user("elsewhere"));
      await table.put(user("here"));
      assertEqual(await watched.next(1), [insert(user("here"))]);
      await watched.stop();
    },
  },
  {
    name: "changes of another connection are delivered, in one order to all subscribers",
    requires: [secondConnection, changesOfAllProcesses],
    timeoutMs: 20_000,
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const first = await c.tabular(spec);
      const second = await (await c.connect()).tabular(spec);
      const watched = [
        await watchChanges(first, { pollingIntervalMs: 20 }),
        await watchChanges(second, { pollingIntervalMs: 70 }),
      ] as const;
      const all: Promise<unknown>[] = [];
      for (let age = 0; age < 25; age++) {
        all.push(
          first.put(user("f", { age })),
          second.put(user("s", { age })),
          first.put(user(`f${age}`)),
        );
      }
      await Promise.all(all);
      const [one, two] = [await watched[0].next(75, 10_000), await watched[1].next(75, 10_000)];
      assertEqual(one.length, 75, "the number of changes");
      assertEqual(two, one, "the changes that the other connection saw");
      for (const id of ["f", "s"]) {
        const ages = one.filter((change) => change.new?.id === id).map((change) => change.new?.age);
        assertEqual(
          ages,
          Array.from({ length: 25 }, (_, age) => age),
          `the ages of row ${id}`,
        );
      }
      await Promise.all(watched.map((each) => each.stop()));
    },
  },
  {
    name: "changes of another process are delivered, every one once, in order, with old and new",
    requires: [otherProcess, changesOfAllProcesses],
    timeoutMs: 30_000,
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const table = await c.tabular(spec);
      const [quick, lazy] = [
        await watchChanges(table, { pollingIntervalMs: 20 }),
        await watchChanges(table, { pollingIntervalMs: 300 }),
      ];
      const calls = [
        { method: "setupDatabase", args: [] },
        ...writes(40),
        { method: "deleteAll", args: [] },
      ];
      await c.inOtherProcess({ kind: "tabular", spec, calls });
      const seen = await quick.next(121, 10_000);
      assertEqual(seen.length, 121, "the number of changes");
      const own = seen.filter((change) => (change.new ?? change.old)?.id === "r");
      const expected = Array.from({ length: 40 }, (_, age) =>
        age === 0
          ? insert(user("r", { age }))
          : update(user("r", { age: age - 1 }), user("r", { age })),
      );
      assertEqual(own, [...expected, removal(user("r", { age: 39 }))], "the changes of one row");
      const inserted = seen.filter(({ type }) => type === "INSERT").map((change) => change.new?.id);
      assertEqual(
        inserted,
        ["r", ...Array.from({ length: 40 }, (_, i) => `s${i}`.padStart(5, "0"))],
        "the order of the inserts",
      );
      assertEqual(await lazy.next(121, 10_000), seen, "what the lazy subscriber saw");
      await Promise.all([quick.stop(), lazy.stop()]);
    },
  },
];
