import { assert, assertEqual, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { secondConnection, sharedTables } from "../requirements.ts";
import { user, users } from "../tabular/tables.ts";
import { begun, gate } from "./gate.ts";

/** Does again what failed for a transient reason, as callers of a busy database do. */
async function retrying(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { kind?: unknown }).kind !== "transient" || attempt === 50) throw error;
    }
  }
}

export const isolationCases: readonly Case[] = [
  {
    name: "nobody outside sees what is not committed",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 1 }));
      const [written, goOn] = [gate(), gate()];
      const transaction = begun(() =>
        table.transaction(async (tx) => {
          await tx.update({ id: "a" }, { age: 2 });
          await tx.put(user("b"));
          written.open();
          await goOn.passed;
          throw new Error("never mind");
        }),
      );
      await written.passed;
      // These may wait for the end of the transaction, or read what was before it.
      const reads = begun(() =>
        Promise.all([
          table.get({ id: "a" }),
          table.size(),
          table.query({ age: 2 }),
          table.getAll(),
        ]),
      );
      await pause(20);
      goOn.open();
      await transaction.done.catch(() => undefined);
      assertEqual(
        await reads.done,
        [user("a", { age: 1 }), 1, undefined, [user("a", { age: 1 })]],
        "what was read",
      );
    },
  },
  {
    name: "a write from elsewhere is not rolled back with an open transaction",
    run: async (c) => {
      const table = await c.tabular(users);
      const [written, goOn] = [gate(), gate()];
      const transaction = begun(() =>
        table.transaction(async (tx) => {
          await tx.put(user("lost"));
          written.open();
          await goOn.passed;
          await tx.put(user("lost too"));
          throw new Error("never mind");
        }),
      );
      await written.passed;
      const writes = begun(() =>
        Promise.all([table.put(user("a")), table.putBulk([user("b")]), table.insert(user("c"))]),
      );
      await pause(20);
      goOn.open();
      await transaction.done.catch(() => undefined);
      await writes.done;
      assertEqual(
        (await table.getAll())?.map(({ id }) => id),
        ["a", "b", "c"],
        "the ids",
      );
    },
  },
  {
    name: "a write from another storage of the database is not rolled back with it either",
    requires: [sharedTables],
    run: async (c) => {
      const [table, other] = [await c.tabular(users), await c.tabular(users)];
      const [written, goOn] = [gate(), gate()];
      const transaction = begun(() =>
        table.transaction(async (tx) => {
          await tx.put(user("lost"));
          written.open();
          await goOn.passed;
          throw new Error("never mind");
        }),
      );
      await written.passed;
      const write = begun(() => other.put(user("a")));
      await pause(20);
      goOn.open();
      await transaction.done.catch(() => undefined);
      await write.done;
      assertEqual([await table.size(), await other.size()], [0, 1], "the sizes");
    },
  },
  {
    name: "a transaction sees the calls made before it, and so does a read made after it",
    run: async (c) => {
      const table = await c.tabular(users);
      const before = table.put(user("a", { age: 1 }));
      const transaction = table.transaction(async (tx) => {
        const age = (await tx.get({ id: "a" }))?.age as number;
        await pause(5);
        await tx.update({ id: "a" }, { age: age + 1 });
      });
      const after = table.get({ id: "a" });
      await Promise.all([before, transaction]);
      // A read beside the transaction may come before its commit, but not before the put.
      const age = (await after)?.age;
      assert(age === 1 || age === 2, `the age read is ${String(age)}`);
      assertEqual((await table.get({ id: "a" }))?.age, 2, "the age after the transaction");
    },
  },
  {
    name: "concurrent transactions lose no increment",
    timeoutMs: 20_000,
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 0 }));
      const increment = (): Promise<void> =>
        retrying(() =>
          table.transaction(async (tx) => {
            const row = await tx.get({ id: "a" });
            await pause(0);
            await tx.put({ ...row, age: (row?.age as number) + 1 });
          }),
        );
      await Promise.all(Array.from({ length: 15 }, increment));
      assertEqual((await table.get({ id: "a" }))?.age, 15, "the count");
    },
  },
  {
    name: "transactions are serializable: two that read both rows and write one do not cross",
    timeoutMs: 20_000,
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk([user("a", { age: 1 }), user("b", { age: 1 })]);
      // Each may go off duty only while another is on.
      const leave = (id: string): Promise<void> =>
        table.transaction(async (tx) => {
          const onDuty = await tx.count({ age: 1 });
          await pause(5);
          if (onDuty > 1) await tx.update({ id }, { age: 0 });
        });
      await Promise.allSettled([leave("a"), leave("b")]);
      assertEqual(await table.count({ age: 1 }), 1, "the rows that stayed on duty");
    },
  },
  {
    name: "transactions on two connections lose no increment",
    requires: [secondConnection],
    timeoutMs: 20_000,
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const first = await c.tabular(spec);
      const second = await (await c.connect()).tabular(spec);
      await first.put(user("a", { age: 0 }));
      const increment = (table: typeof first): Promise<void> =>
        retrying(() =>
          table.transaction(async (tx) => {
            const age = (await tx.get({ id: "a" }))?.age as number;
            await pause(1);
            await tx.update({ id: "a" }, { age: age + 1 });
          }),
        );
      await Promise.all(Array.from({ length: 10 }, (_, i) => increment(i % 2 ? first : second)));
      assertEqual((await first.get({ id: "a" }))?.age, 10, "the count");
    },
  },
  {
    name: "a transaction on another connection is invisible until it commits",
    requires: [secondConnection],
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const first = await c.tabular(spec);
      const second = await (await c.connect()).tabular(spec);
      await first.put(user("a", { age: 1 }));
      const [written, goOn] = [gate(), gate()];
      const transaction = begun(() =>
        first.transaction(async (tx) => {
          await tx.update({ id: "a" }, { age: 2 });
          written.open();
          await goOn.passed;
        }),
      );
      await written.passed;
      const read = begun(() => second.get({ id: "a" }));
      await pause(20);
      goOn.open();
      await transaction.done;
      const age = (await read.done)?.age;
      assert(age === 1 || age === 2, `the age read meanwhile is ${String(age)}`);
      assertEqual((await second.get({ id: "a" }))?.age, 2, "the age after the commit");
    },
  },
];
