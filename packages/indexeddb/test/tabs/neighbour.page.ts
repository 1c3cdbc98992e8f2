// The page of tabs.test.ts: what a tab and its workers can do, before any storage comes in.
const channel = new BroadcastChannel("neighbours");
const heard: unknown[] = [];
channel.addEventListener("message", ({ data }) => heard.push(data));

export const isSecure = () => isSecureContext;

export const say = (text: string) => channel.postMessage(text);

export const hears = async (count: number) => {
  while (heard.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  return heard;
};

export const echo = (value: unknown) => value;

export function refuse(): never {
  throw Object.assign(new RangeError("too far"), { kind: "invalid" });
}

export const throwLater = () => {
  setTimeout(() => {
    throw new Error("nobody catches this");
  }, 0);
};

export const forever = () => new Promise<never>(() => {});

/** Stores a number in localStorage and another in IndexedDB; resolves once both are written. */
export async function store(inLocalStorage: number, inIndexedDb: number): Promise<void> {
  localStorage.setItem("number", String(inLocalStorage));
  const database = await openDatabase();
  const transaction = database.transaction("numbers", "readwrite", { durability: "strict" });
  transaction.objectStore("numbers").put(inIndexedDb, "number");
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

export async function stored(): Promise<{ inLocalStorage: number; inIndexedDb: unknown }> {
  const database = await openDatabase();
  const request = database.transaction("numbers").objectStore("numbers").get("number");
  const inIndexedDb = await settled(request);
  return { inLocalStorage: Number(localStorage.getItem("number")), inIndexedDb };
}

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open("numbers", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("numbers");
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const workerUrl = () => new URL("./double.worker.ts", import.meta.url);

export function doubleInWorker(value: number): Promise<unknown> {
  const worker = new Worker(workerUrl(), { type: "module" });
  return answerOf(worker, worker, value);
}

export function doubleInSharedWorker(value: number): Promise<unknown> {
  const { port } = new SharedWorker(workerUrl(), { type: "module" });
  port.start();
  return answerOf(port, port, value);
}

export async function doubleInServiceWorker(value: number): Promise<unknown> {
  await navigator.serviceWorker.register(workerUrl(), { type: "module", scope: "/" });
  const { active } = await navigator.serviceWorker.ready;
  if (active === null) throw new Error("no service worker is active");
  navigator.serviceWorker.startMessages();
  return answerOf(active, navigator.serviceWorker, value);
}

function answerOf(
  receiver: { postMessage(message: unknown): void },
  sender: EventTarget,
  value: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    sender.addEventListener("message", (event) => resolve((event as MessageEvent).data));
    sender.addEventListener("error", () => reject(new Error("the worker could not be loaded")));
    receiver.postMessage(value);
  });
}
