// The page of changes.test.ts: a tab that writes to a table and watches it, itself or in a worker.
import type { TabularChangePayload } from "@workglow/storage";
import type { IndexedDbChangeLogOptions } from "../../src/changes/IndexedDbChangeLog.ts";
import { ChangesRealm, type Note, type Notes } from "../ChangesRealm.ts";

export type WorkerKind = "dedicated" | "shared" | "service";

let realm: ChangesRealm;
let notes: Notes;
const heard: TabularChangePayload<Note>[] = [];

export async function open(database: string, options?: IndexedDbChangeLogOptions): Promise<void> {
  realm = new ChangesRealm(database, options);
  // Nothing but a BroadcastChannel is to wake anybody here.
  notes = realm.notes({ backupPollingIntervalMs: 0 });
  await notes.setupDatabase();
}

/** No timer that repeats fires from now on, as in a tab in the background. */
export function stopTimers(): void {
  globalThis.setInterval = (() => 0) as never;
}

export const put = (note: Note) => notes.put(note);

export const putMany = (count: number) =>
  notes.putBulk(Array.from({ length: count }, (_, at) => ({ id: `${at}` })));

export async function listen(since?: string): Promise<void> {
  await notes.subscribeToChanges((change) => void heard.push(change), { since }).ready;
}

export async function hears(count: number): Promise<readonly TabularChangePayload<Note>[]> {
  while (heard.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  return heard;
}

/** What the side store holds for subscribers. */
export const beside = () =>
  realm.read(["notes:side"], async (tx) => {
    const keys = await new Promise<readonly IDBValidKey[]>((resolve) => {
      const request = tx.store("notes:side").getAllKeys();
      request.onsuccess = () => resolve(request.result);
    });
    return {
      changes: keys.filter((key) => typeof key === "number").length,
      leases: keys.filter((key) => Array.isArray(key)).length,
      watched: keys.includes("watch"),
    };
  });

const workerUrl = () => new URL("./changes.worker.ts", import.meta.url);

/** Starts a worker, and speaks to it over a port. */
export async function startWorker(kind: WorkerKind, database: string): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const target = await workerOf(kind);
  target.postMessage({ database, port: port2 }, [port2]);
  await new Promise<void>((resolve, reject) => {
    port1.onmessage = ({ data }) => {
      if (data === "ready") resolve();
      else if (typeof data === "string") reject(new Error(data));
      else heard.push(data as TabularChangePayload<Note>);
    };
  });
  worker = port1;
}

let worker: MessagePort;

export const putInWorker = (note: Note) => worker.postMessage(note);

type Target = { postMessage(message: unknown, transfer: Transferable[]): void };

async function workerOf(kind: WorkerKind): Promise<Target> {
  if (kind === "dedicated") return new Worker(workerUrl(), { type: "module" });
  if (kind === "shared") return new SharedWorker(workerUrl(), { type: "module" }).port;
  await navigator.serviceWorker.register(workerUrl(), { type: "module", scope: "/" });
  const { active } = await navigator.serviceWorker.ready;
  if (active === null) throw new Error("no service worker is active");
  return active;
}
