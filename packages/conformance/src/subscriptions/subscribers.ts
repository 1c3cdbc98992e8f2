import { assertEqual, assertRejects, assertThrowsInvalid, eventually, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { user, users } from "../tabular/tables.ts";
import { insert } from "./changes.ts";
import { watchChanges } from "./watchChanges.ts";

export const subscriberCases: readonly Case[] = [
  {
    name: "subscribers do not disturb each other, and each gets copies of its own",
    run: async (c) => {
      const table = await c.tabular(users);
      const seen: readonly string[][] = [[], []];
      const unsubscribes = [0, 1].map((index) =>
        table.subscribeToChanges((change) => {
          const { tags } = change.new as { tags: string[] };
          seen[index]?.push(tags.join());
          tags.push(`spoilt by ${index}`);
        }),
      );
      await Promise.all(unsubscribes.map(({ ready }) => ready));
      await table.put(user("a", { tags: ["x"] }));
      await table.put(user("b", { tags: ["y"] }));
      await eventually(
        () => seen[0]?.length === 2 && seen[1]?.length === 2,
        () => `came: ${show(seen)}`,
      );
      assertEqual(
        seen,
        [
          ["x", "y"],
          ["x", "y"],
        ],
        "the tags seen",
      );
      assertEqual(await table.get({ id: "a" }), user("a", { tags: ["x"] }), "the stored row");
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  },
  {
    name: "a subscriber that unsubscribes hears no more, the others go on",
    run: async (c) => {
      const table = await c.tabular(users);
      const [first, second] = [await watchChanges(table), await watchChanges(table)];
      await table.put(user("a"));
      await Promise.all([first.next(1), second.next(1)]);
      await first.stop();
      await first.stop();
      await table.put(user("b"));
      assertEqual(await second.next(1), [insert(user("b"))]);
      assertEqual(first.seen(), [], "what the first saw afterwards");
      await second.stop();
      await table.put(user("c"));
      await pause(25);
      assertEqual(second.seen(), [], "what the second saw afterwards");
    },
  },
  {
    name: "unsubscribing at once is no error and delivers nothing",
    run: async (c) => {
      const table = await c.tabular(users);
      let heard = 0;
      const unsubscribe = table.subscribeToChanges(() => void heard++);
      unsubscribe();
      await unsubscribe.ready.catch(() => undefined);
      await table.put(user("a"));
      await pause(25);
      assertEqual(heard, 0, "the changes heard");
    },
  },
  {
    name: "a callback's promise is awaited before the next change",
    run: async (c) => {
      const table = await c.tabular(users);
      let running = 0;
      let most = 0;
      const watched = await watchChanges(table, {
        onChange: async () => {
          most = Math.max(most, ++running);
          await pause(2);
          running--;
        },
      });
      await table.putBulk(Array.from({ length: 20 }, (_, i) => user(`${i}`.padStart(2, "0"))));
      const seen = await watched.next(20);
      assertEqual(
        seen.map((change) => change.new?.id),
        Array.from({ length: 20 }, (_, i) => `${i}`.padStart(2, "0")),
      );
      assertEqual(most, 1, "the callbacks that ran at once");
      await watched.stop();
    },
  },
  {
    name: "a slow subscriber holds neither writers nor others back",
    run: async (c) => {
      const table = await c.tabular(users);
      let release = (): void => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const slow = await watchChanges(table, { onChange: () => held });
      const quick = await watchChanges(table);
      for (let i = 0; i < 5; i++) await table.put(user(`${i}`));
      assertEqual((await quick.next(5)).length, 5, "what the quick one saw");
      assertEqual(slow.seen(), [], "what the slow one saw");
      release();
      assertEqual((await slow.next(5)).length, 5, "what the slow one saw in the end");
      await Promise.all([slow.stop(), quick.stop()]);
    },
  },
  {
    name: "a callback that throws or rejects is reported, and the next changes come",
    run: async (c) => {
      const table = await c.tabular(users);
      const reported = await withSilentLogger(async () => {
        let calls = 0;
        const thrower = table.subscribeToChanges(() => {
          calls++;
          throw new Error("from a subscriber");
        });
        const rejecter = table.subscribeToChanges(async () => {
          calls++;
          throw new Error("from a subscriber");
        });
        await Promise.all([thrower.ready, rejecter.ready]);
        await table.put(user("a"));
        await table.put(user("b"));
        await eventually(
          () => calls === 4,
          () => `the subscribers were called ${calls} times, not 4`,
        );
        await pause(5);
        thrower();
        rejecter();
      });
      assertEqual(reported, 4, "the errors that the logger was told");
      assertEqual(await table.size(), 2, "the size");
    },
  },
  {
    name: "a callback may use the storage",
    run: async (c) => {
      const table = await c.tabular(users);
      const read: unknown[] = [];
      const unsubscribe = table.subscribeToChanges(async (change) => {
        if (change.type !== "INSERT") return;
        read.push(await table.get({ id: change.new?.id }));
        await table.update({ id: change.new?.id }, { age: 1 });
      });
      await unsubscribe.ready;
      await table.put(user("a"));
      await eventually(
        async () => (await table.count({ age: 1 })) === 1,
        "the callback's update did not come",
      );
      assertEqual(read, [user("a")], "what the callback read");
      if (c.capabilities.transactions) await table.transaction((tx) => tx.put(user("b")));
      else await table.put(user("b"));
      await eventually(
        async () => (await table.count({ age: 1 })) === 2,
        "the second update did not come",
      );
      unsubscribe();
    },
  },
  {
    name: "refuses callbacks and options that are none",
    run: async (c) => {
      const table = await c.tabular(users);
      for (const callback of [undefined, null, "x", {}]) {
        assertThrowsInvalid(
          () => table.subscribeToChanges(callback as never),
          `the callback ${show(callback)}`,
        );
      }
      for (const pollingIntervalMs of [0, -1, Number.NaN, "5", null]) {
        const options = { pollingIntervalMs: pollingIntervalMs as number };
        assertThrowsInvalid(
          () => table.subscribeToChanges(() => {}, options),
          `pollingIntervalMs ${show(pollingIntervalMs)}`,
        );
      }
      for (const since of [5, null, {}]) {
        const options = { since: since as never };
        assertThrowsInvalid(
          () => table.subscribeToChanges(() => {}, options),
          `since ${show(since)}`,
        );
      }
    },
  },
  {
    name: "destroying the storage ends its subscriptions",
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      await table.put(user("a"));
      await watched.next(1);
      await table[Symbol.asyncDispose]();
      const closed = { name: "StorageClosedError" };
      await assertRejects(
        async () => table.subscribeToChanges(() => {}),
        closed,
        "a later subscription",
      );
      assertEqual(watched.seen(), [], "what came afterwards");
    },
  },
  {
    name: "set-up while somebody listens loses nothing",
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      await table.put(user("a"));
      await table.setupDatabase();
      await table.put(user("b"));
      assertEqual(await watched.next(2), [insert(user("a")), insert(user("b"))]);
      await watched.stop();
    },
  },
];
