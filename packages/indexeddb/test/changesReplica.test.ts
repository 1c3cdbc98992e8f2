import fc from "fast-check";
import { expect, it } from "vitest";
import { freshName, type Heard, openTab, type Tab, until } from "./changesKit.ts";

const id = fc.constantFrom("a", "b", "c", "d");
const tab = fc.nat({ max: 4 });

/** What one of five tabs does, three of which listen; nobody waits for it unless the next step is `wait`. */
const step = fc.oneof(
  fc.record({ do: fc.constant("put" as const), tab, id }),
  fc.record({ do: fc.constant("delete" as const), tab, id }),
  fc.record({ do: fc.constant("bulk" as const), tab, id }),
  fc.record({ do: fc.constant("deleteAll" as const), tab, id }),
  fc.record({ do: fc.constant("transaction" as const), tab, id }),
  fc.record({ do: fc.constant("rollback" as const), tab, id }),
  fc.record({ do: fc.constant("leave" as const), tab, id }),
  fc.record({ do: fc.constant("wait" as const), tab, id }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function write({ notes }: Tab, { do: what, id: of }: Step, body: string): Promise<unknown> {
  if (what === "put") return notes.put({ id: of, body });
  if (what === "delete") return notes.delete({ id: of });
  if (what === "bulk") {
    return notes.putBulk([
      { id: "a", body },
      { id: of, body },
    ]);
  }
  if (what === "deleteAll") return notes.deleteAll();
  return notes.transaction(async (tx) => {
    await tx.put({ id: of, body });
    await tx.delete({ id: "a" });
    if (what === "rollback") throw new Error("rolled back");
  });
}

/** The rows that one gets by following the changes from an empty table on. */
function replica(heard: readonly Heard[]): Record<string, string | undefined> {
  const rows: Record<string, string | undefined> = {};
  for (const { type, old, new: next } of heard.flatMap(({ changes }) => changes)) {
    const key = (next ?? old)?.id as string;
    expect(type).toBe(next === undefined ? "DELETE" : old === undefined ? "INSERT" : "UPDATE");
    expect(rows[key], `what a change of ${key} replaces`).toBe(old?.body);
    if (next === undefined) delete rows[key];
    else rows[key] = next.body;
  }
  return rows;
}

it("whoever follows the changes has the table, whoever writes, comes and goes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const name = freshName();
      const tabs: Tab[] = [];
      for (let opened = 0; opened < 5; opened++) tabs.push(await openTab(name));
      const at = (index: number): Tab => tabs[index] as Tab;
      const heard = [[await at(0).listen()], [await at(1).listen()], [await at(2).listen()]];
      const pending: Promise<unknown>[] = [];
      for (const [turn, one] of steps.entries()) {
        const mine = heard[one.tab];
        if (one.do === "wait") await Promise.allSettled(pending);
        else if (one.do === "leave") {
          const last = mine?.at(-1);
          if (last === undefined || last.changes.length === 0) continue;
          last.unsubscribe();
          mine?.push(await at(one.tab).listen({ since: last.lastPosition }));
        } else pending.push(write(at(one.tab), one, `${turn}`).catch(() => undefined));
      }
      await Promise.all(pending);
      await at(0).notes.put({ id: "last", body: "last" });
      for (const mine of heard) {
        await until(() => mine.at(-1)?.changes.at(-1)?.new?.id === "last");
        const stored = (await at(0).notes.getAll()) ?? [];
        expect(replica(mine)).toEqual(Object.fromEntries(stored.map((row) => [row.id, row.body])));
      }
      await Promise.all(tabs.map(({ notes }) => notes[Symbol.asyncDispose]()));
    }),
    { numRuns: 150 },
  );
}, 60_000);
