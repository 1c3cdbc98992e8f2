import { assert, assertEqual, eventually, pause } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { counted, everyType, nullability, pairs, user, users } from "../tabular/tables.ts";
import { byId, insert, removal, update } from "./changes.ts";
import { type SeenChange, watchChanges } from "./watchChanges.ts";

export const deliveryCases: readonly Case[] = [
  {
    name: "every way of writing is delivered as INSERT, UPDATE or DELETE, with old and new",
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      await table.put(user("a"));
      await table.put(user("a", { age: 1 }));
      await table.insert(user("b"));
      await table.update({ id: "b" }, { age: 2 });
      await table.putBulk([user("c"), user("a", { age: 3 })]);
      await table.delete({ id: "b" });
      await table.deleteSearch({ age: 3 });
      await table.deleteAll();
      const seen = await watched.next(9);
      // Within one bulk the changes of different rows come in any order.
      const bulk = seen.slice(4, 6).sort(byId);
      assertEqual(
        [...seen.slice(0, 4), ...bulk, ...seen.slice(6)],
        [
          insert(user("a")),
          update(user("a"), user("a", { age: 1 })),
          insert(user("b")),
          update(user("b"), user("b", { age: 2 })),
          update(user("a", { age: 1 }), user("a", { age: 3 })),
          insert(user("c")),
          removal(user("b", { age: 2 })),
          removal(user("a", { age: 3 })),
          removal(user("c")),
        ],
      );
      await watched.stop();
    },
  },
  {
    name: "a DELETE has no new and an INSERT no old",
    run: async (c) => {
      const table = await c.tabular(users);
      const raw: object[] = [];
      const unsubscribe = table.subscribeToChanges((change) => void raw.push(change));
      await unsubscribe.ready;
      await table.put(user("a"));
      await table.delete({ id: "a" });
      await eventually(() => raw.length === 2, "the changes did not come");
      const [first, second] = raw as [object, object];
      assert(!("old" in first) && "new" in first, `the INSERT is ${show(first)}`);
      assert("old" in second && !("new" in second), `the DELETE is ${show(second)}`);
      for (const change of raw) {
        assertEqual(
          typeof (change as { position: unknown }).position,
          "string",
          "the type of a position",
        );
      }
      unsubscribe();
    },
  },
  {
    name: "writes that change nothing are not delivered",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      const watched = await watchChanges(table);
      await table.delete({ id: "missing" });
      await table.deleteSearch({ name: "nobody" });
      await table.deleteSearch({});
      await table.update({ id: "missing" }, { age: 1 });
      await table.update({ id: "a" }, { age: 1 }, { expect: { age: 5 } });
      await table.insert(user("a"), { onConflict: "ignore" });
      await table.insert(user("a")).catch(() => undefined);
      await table.put({ id: 1 }).catch(() => undefined);
      await table.putBulk([user("b"), { id: 1 }]).catch(() => undefined);
      await table.putBulk([]);
      await table.put(user("last"));
      assertEqual(await watched.next(1), [insert(user("last"))]);
      await watched.stop();
    },
  },
  {
    name: "a key given twice in one bulk is one change",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("b"));
      const watched = await watchChanges(table);
      await table.putBulk([
        user("a", { age: 1 }),
        user("b", { age: 1 }),
        user("a", { age: 2 }),
        user("b", { age: 2 }),
      ]);
      assertEqual([...(await watched.next(2))].sort(byId), [
        insert(user("a", { age: 2 })),
        update(user("b"), user("b", { age: 2 })),
      ]);
      await watched.stop();
    },
  },
  {
    name: "deleteAll and deleteSearch deliver one DELETE for each row",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = Array.from({ length: 20 }, (_, age) => user(`${age}`.padStart(2, "0"), { age }));
      await table.putBulk(rows);
      const watched = await watchChanges(table);
      await table.deleteSearch({ age: { operator: "<", value: 8 } });
      assertEqual([...(await watched.next(8))].sort(byId), rows.slice(0, 8).map(removal));
      await table.deleteAll();
      assertEqual([...(await watched.next(12))].sort(byId), rows.slice(8).map(removal));
      await watched.stop();
    },
  },
  {
    name: "rows of every type arrive as they are read",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const watched = await watchChanges(table);
      const row = {
        id: "x",
        text: "\u{1f600}'\"",
        number: 1.5,
        integer: -7,
        big: 2n ** 62n,
        flag: false,
        at: "2024-01-01T00:00:00.000Z",
        bytes: new Uint8Array([0, 255]),
        list: [1, null],
        object: { a: { b: [] } },
        vector: new Float32Array([1, -2]),
      };
      await table.put({ ...row, at: "2024-01-01T01:00:00+01:00" });
      await table.put({ id: "x", flag: true });
      await table.delete({ id: "x" });
      const short = { id: "x", flag: true };
      assertEqual(await watched.next(3), [insert(row), update(row, short), removal(short)]);
      const nullable = await c.tabular(nullability);
      const watchedNulls = await watchChanges(nullable);
      const nulls = { id: "y", nullable: null, both: null, bothJson: null, bothBytes: null };
      await nullable.put({ id: "y", nullable: null });
      assertEqual(await watchedNulls.next(1), [insert(nulls)]);
      await Promise.all([watched.stop(), watchedNulls.stop()]);
    },
  },
  {
    name: "rows with generated and compound keys arrive with them",
    run: async (c) => {
      const [numbered, compound] = [await c.tabular(counted), await c.tabular(pairs)];
      const [first, second] = [await watchChanges(numbered), await watchChanges(compound)];
      const { id } = await numbered.put({ name: "n" });
      await compound.put({ group: "g", rank: 1 });
      assertEqual(await first.next(1), [insert({ id, name: "n" })]);
      assertEqual(await second.next(1), [insert({ group: "g", rank: 1 })]);
      await Promise.all([first.stop(), second.stop()]);
    },
  },
  {
    name: "calls made right after subscribing are delivered, those before are not",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("before"));
      const seen: unknown[] = [];
      const unsubscribe = table.subscribeToChanges((change) => void seen.push(change.new?.id));
      const writes = [
        table.put(user("a")),
        table.putBulk([user("b"), user("c")]),
        table.put(user("d")),
      ];
      await Promise.all(writes);
      await unsubscribe.ready;
      await eventually(
        () => seen.length >= 4,
        () => `these changes came: ${show(seen)}`,
      );
      await pause(25);
      // Calls on different rows may overtake each other.
      assertEqual([...seen].sort(), ["a", "b", "c", "d"], "the ids of the changes");
      unsubscribe();
    },
  },
  {
    name: "hundreds of changes arrive once each, in the order of the commits",
    timeoutMs: 20_000,
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      const expected: SeenChange[] = [];
      let current: TestRow | undefined;
      for (let age = 0; age < 150; age++) {
        const next = user("a", { age });
        expected.push(current === undefined ? insert(next) : update(current, next));
        await table.put(next);
        current = next;
        if (age % 10 === 9) {
          await table.delete({ id: "a" });
          expected.push(removal(next));
          current = undefined;
        }
      }
      assertEqual(await watched.next(expected.length, 10_000), expected);
      await watched.stop();
    },
  },
  {
    name: "concurrent writes are delivered to all subscribers in one order, each row's in commit order",
    timeoutMs: 20_000,
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = [
        await watchChanges(table),
        await watchChanges(table, { pollingIntervalMs: 30 }),
      ] as const;
      const writes: Promise<unknown>[] = [];
      for (let age = 0; age < 20; age++) {
        for (let row = 0; row < 10; row++) writes.push(table.put(user(`${row}`, { age })));
      }
      await Promise.all(writes);
      const [first, second] = [
        await watched[0].next(200, 10_000),
        await watched[1].next(200, 10_000),
      ];
      assertEqual(first.length, 200, "the number of changes");
      assertEqual(second, first, "the changes that the second subscriber saw");
      for (let row = 0; row < 10; row++) {
        const ages = first
          .filter((change) => change.new?.id === `${row}`)
          .map((change) => change.new?.age);
        assertEqual(
          ages,
          Array.from({ length: 20 }, (_, age) => age),
          `the ages of row ${row}`,
        );
      }
      const [positions] = [watched[0].positions];
      assertEqual(new Set(positions).size, 200, "the number of distinct positions");
      await Promise.all(watched.map((one) => one.stop()));
    },
  },
  {
    name: "a bulk of thousands is delivered whole",
    timeoutMs: 20_000,
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      const rows = Array.from({ length: 3_000 }, (_, i) => user(`${i}`.padStart(4, "0")));
      await table.putBulk(rows);
      assertEqual([...(await watched.next(3_000, 10_000))].sort(byId), rows.map(insert));
      await watched.stop();
    },
  },
];
