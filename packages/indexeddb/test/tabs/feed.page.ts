// The page of feed.test.ts: what that of changes.test.ts does, and writing at length.
import type { IndexedDbTabularStorageOptions } from "@workglow/indexeddb";
import type { TabularChangePayload } from "@workglow/storage";
import { ChangesRealm, type Note } from "../ChangesRealm.ts";

export * from "./changes.page.ts";

type Change = readonly [string, Note | undefined, Note | undefined];

/** Changes a table in every way; gives what subscribers are to hear of it. */
export async function churn(
  database: string,
  author: string,
  turns: number,
): Promise<readonly Change[]> {
  const notes = new ChangesRealm(database).notes();
  const made: Change[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const [a, b, c] = ["a", "b", "c"].map((letter) => ({ id: `${author} ${turn} ${letter}` })) as [
      Note,
      Note,
      Note,
    ];
    await notes.put(a);
    await notes.putBulk([b, c]);
    const edited = { ...a, body: `edited ${turn}` };
    await notes.put(edited);
    await notes.update(b, { body: "updated" });
    await notes.transaction(async (tx) => {
      await tx.put({ ...c, body: "within" });
      await tx
        .transaction(async (inner) => {
          await inner.put({ ...c, body: "taken back" });
          throw new Error("taken back");
        })
        .catch(() => undefined);
      await tx.delete(b);
    });
    await notes
      .transaction(async (tx) => {
        await tx.put({ id: `${author} ${turn} never` });
        throw new Error("never");
      })
      .catch(() => undefined);
    await notes.delete(a);
    made.push(
      ["INSERT", undefined, a],
      ["INSERT", undefined, b],
      ["INSERT", undefined, c],
      ["UPDATE", a, edited],
      ["UPDATE", b, { ...b, body: "updated" }],
      ["UPDATE", c, { ...c, body: "within" }],
      ["DELETE", { ...b, body: "updated" }, undefined],
      ["DELETE", edited, undefined],
    );
  }
  await notes[Symbol.asyncDispose]();
  return made;
}

/** Nothing else runs in this page meanwhile: no event, no timer. */
export function block(ms: number): void {
  for (const start = performance.now(); performance.now() - start < ms; );
}

const polled: TabularChangePayload<Note>[] = [];

/** Listens without a channel: the browser has none, or the option says so. */
export async function listenByPolling(
  database: string,
  without: "channel" | "option",
): Promise<void> {
  if (without === "channel") Reflect.deleteProperty(globalThis, "BroadcastChannel");
  const options: IndexedDbTabularStorageOptions =
    without === "option" ? { useBroadcastChannel: false } : {};
  const notes = new ChangesRealm(database).notes(options);
  const listener = (change: TabularChangePayload<Note>) => void polled.push(change);
  await notes.subscribeToChanges(listener, { pollingIntervalMs: 50 }).ready;
}

export async function hearsByPolling(count: number): Promise<typeof polled> {
  while (polled.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  return polled;
}
