import { assertEqual, eventually } from "../assert.ts";
import type { Case, TestTabular } from "../harness.ts";
import { show } from "../show.ts";
import { user, users } from "../tabular/tables.ts";
import { insert } from "./changes.ts";
import { type SeenChange, type Watched, watchChanges } from "./watchChanges.ts";

/** Either everything after the position, or one RESYNC and then what came later. */
async function checkResumed(
  table: TestTabular,
  since: string,
  missed: readonly SeenChange[],
): Promise<void> {
  const watched = await watchChanges(table, { since });
  await table.put(user("later"));
  const last = insert(user("later"));
  await eventually(
    () => watched.seen().some((change) => change.new?.id === "later"),
    "the later change did not come",
  );
  const seen = await watched.next(1);
  if (seen[0]?.type === "RESYNC")
    assertEqual(seen, [{ type: "RESYNC" }, last], "the changes after a RESYNC");
  else assertEqual(seen, [...missed, last], "the changes since the position");
  await watched.stop();
  await table.delete({ id: "later" });
}

export const positionCases: readonly Case[] = [
  {
    name: "since goes on after a position, for as long as the changes are kept",
    run: async (c) => {
      const table = await c.tabular(users);
      // As long as it listens, the changes are kept.
      const keeper = await watchChanges(table);
      for (const id of ["a", "b", "c"]) await table.put(user(id));
      await keeper.next(3);
      const [first, , third] = keeper.positions as [string, string, string];
      const watched = await watchChanges(table, { since: first });
      assertEqual(
        await watched.next(2),
        [insert(user("b")), insert(user("c"))],
        "the changes since the first",
      );
      await table.put(user("d"));
      assertEqual(await watched.next(1), [insert(user("d"))], "the next change");
      const latest = await watchChanges(table, { since: third });
      assertEqual(await latest.next(1), [insert(user("d"))], "the changes since the third");
      assertEqual(latest.positions, watched.positions.slice(-1), "the position of the same change");
      await Promise.all([keeper.stop(), watched.stop(), latest.stop()]);
    },
  },
  {
    name: "since resumes where a subscription was left, or says RESYNC once, but never skips a change",
    run: async (c) => {
      const table = await c.tabular(users);
      const watched = await watchChanges(table);
      await table.put(user("a"));
      await watched.next(1);
      await watched.stop();
      const since = watched.positions[0] as string;
      await checkResumed(table, since, []);
      const middle = await watchChanges(table);
      await table.put(user("c"));
      await middle.next(1);
      await middle.stop();
      await table.put(user("missed"));
      await checkResumed(table, middle.positions[0] as string, [insert(user("missed"))]);
    },
  },
  {
    name: "a position that never was is refused, or gives one RESYNC and then changes",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      for (const since of ["0", "", "nonsense", "-1", "999999999999", "' OR 1=1 --", "\u{1f600}"]) {
        const watched = await watchChanges(table, { since }).catch((error: unknown) => error);
        if (watched instanceof Error) {
          assertEqual(
            (watched as { kind?: unknown }).kind,
            "invalid",
            `the kind of ${show(watched)}`,
          );
          continue;
        }
        const { next, positions, stop } = watched as Watched;
        await table.put(user("b"));
        const seen = await next(2);
        assertEqual(seen[0], { type: "RESYNC" }, `the first change since ${show(since)}`);
        assertEqual(seen.length, 2, `the number of changes since ${show(since)}`);
        assertEqual(seen[1]?.new, user("b"), "the next change");
        assertEqual(typeof positions[0], "string", "the type of the RESYNC's position");
        await stop();
      }
    },
  },
];
