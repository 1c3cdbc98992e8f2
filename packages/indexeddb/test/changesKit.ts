import "fake-indexeddb/auto";
import type { IndexedDbDatabase, IndexedDbTabularStorageOptions } from "@workglow/indexeddb";
import type { TabularChangePayload, TabularSubscribeOptions } from "@workglow/storage";
import { onTestFinished } from "vitest";
import type { IndexedDbChangeLogOptions } from "../src/changes/IndexedDbChangeLog.ts";
import { ChangesRealm, type Note, type Notes } from "./ChangesRealm.ts";

/** A tab with the table `notes`, and what it hears of it. */
export interface Tab {
  readonly realm: IndexedDbDatabase;
  readonly notes: Notes;
  /** Whether the tab believes that somebody is subscribed. */
  readonly believes: () => boolean;
  listen(options?: TabularSubscribeOptions): Promise<Heard>;
}

/** What a subscriber has heard. */
export class Heard {
  public readonly changes: TabularChangePayload<Note>[] = [];
  public unsubscribe: () => void = () => undefined;

  /** The changes in short: `+a`, `~a`, `-a`, `RESYNC`. */
  public get short(): readonly string[] {
    return this.changes.map(({ type, old, new: next }) => {
      if (type === "RESYNC") return type;
      const mark = type === "INSERT" ? "+" : type === "UPDATE" ? "~" : "-";
      return `${mark}${(next ?? old)?.id}`;
    });
  }

  public get lastPosition(): string {
    return this.changes.at(-1)?.position as string;
  }

  public async reach(count: number): Promise<readonly string[]> {
    await until(() => this.changes.length >= count);
    return this.short;
  }
}

/** A name for a database of one test alone. */
export function freshName(): string {
  return `changes-${crypto.randomUUID()}`;
}

export async function openTab(
  name: string,
  log: IndexedDbChangeLogOptions = {},
  options: Omit<IndexedDbTabularStorageOptions, "database"> = {},
): Promise<Tab> {
  const realm = new ChangesRealm(name, log);
  const notes = realm.notes(options);
  await notes.setupDatabase();
  onTestFinished(() => notes[Symbol.asyncDispose]());
  return {
    realm,
    notes,
    believes: () => realm.changes.table("notes").believed,
    listen: async (subscribeOptions = {}) => {
      const heard = new Heard();
      const unsubscribe = notes.subscribeToChanges(
        (change) => void heard.changes.push(change),
        subscribeOptions,
      );
      heard.unsubscribe = unsubscribe;
      onTestFinished(unsubscribe);
      await unsubscribe.ready;
      return heard;
    },
  };
}

/** What the side store of `notes` holds besides the table's own records. */
export async function sideStore(realm: IndexedDbDatabase): Promise<{
  readonly numbers: readonly number[];
  readonly leases: readonly string[];
  readonly watch:
    | { readonly log: string; readonly until: number; readonly trimmed: number }
    | undefined;
}> {
  return realm.read(["notes:side"], async (tx) => {
    const keys = await new Promise<readonly IDBValidKey[]>((resolve) => {
      const request = tx.store("notes:side").getAllKeys();
      request.onsuccess = () => resolve(request.result);
    });
    return {
      numbers: keys.filter((key) => typeof key === "number"),
      leases: keys.flatMap((key) =>
        Array.isArray(key) && key[0] === "lease" ? String(key[1]) : [],
      ),
      watch: await tx.get("notes:side", "watch"),
    };
  });
}

/** Puts a record into the side store of `notes`, past the library's writers. */
export function putBeside(realm: IndexedDbDatabase, record: unknown, key?: IDBValidKey) {
  return realm.write(["notes:side"], (tx) => tx.put("notes:side", record, key));
}

/** Waits for a condition; fails after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 5_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await pause(5);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
