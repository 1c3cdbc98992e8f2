import { assertEqual, assertInvalid, assertRejects } from "../assert.ts";
import type { Case } from "../harness.ts";
import { show } from "../show.ts";
import { user, users } from "./tables.ts";

const conflict = { name: "StorageConflictError", kind: "invalid" } as const;

export const insertCases: readonly Case[] = [
  {
    name: "insert stores a new row and conflicts on a taken key",
    run: async (c) => {
      const table = await c.tabular(users);
      assertEqual(await table.insert(user("a")), user("a"), "what insert gave");
      await assertRejects(
        () => table.insert(user("a", { name: "other" })),
        conflict,
        "a taken key",
      );
      const options = { onConflict: "error" } as const;
      await assertRejects(() => table.insert(user("a"), options), conflict, "a taken key");
      assertEqual(await table.getAll(), [user("a")], "the rows");
    },
  },
  {
    name: "insert with onConflict ignore gives undefined for a taken key and leaves the row",
    run: async (c) => {
      const table = await c.tabular(users);
      const options = { onConflict: "ignore" } as const;
      assertEqual(await table.insert(user("a"), options), user("a"), "a new key");
      assertEqual(
        await table.insert(user("a", { name: "other" }), options),
        undefined,
        "a taken key",
      );
      assertEqual(await table.getAll(), [user("a")], "the rows");
    },
  },
  {
    name: "insert refuses an unknown onConflict",
    run: async (c) => {
      const table = await c.tabular(users);
      for (const onConflict of ["replace", "", null, 1]) {
        const options = { onConflict } as never;
        await assertInvalid(
          () => table.insert(user("a"), options),
          `onConflict ${show(onConflict)}`,
        );
      }
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "of inserts of one key at the same time, exactly one succeeds",
    run: async (c) => {
      const table = await c.tabular(users);
      const tries = Array.from({ length: 10 }, (_, age) => table.insert(user("a", { age })));
      const settled = await Promise.allSettled(tries);
      assertEqual(settled.filter(({ status }) => status === "fulfilled").length, 1, "the winners");
      const quiet = Array.from({ length: 10 }, () =>
        table.insert(user("b"), { onConflict: "ignore" }),
      );
      const given = (await Promise.all(quiet)).filter((row) => row !== undefined);
      assertEqual(given, [user("b")], "the rows given");
    },
  },
];
