import { assert, assertEqual, assertInvalid, assertRejects, pause, rejection } from "./assert.ts";
import { collect } from "./collect.ts";
import type { Case, CaseContext } from "./harness.ts";
import { show } from "./show.ts";

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** A storage of any kind, as far as every storage is alike. */
export interface AnyStorage extends AsyncDisposable, Disposable {
  setupDatabase(options?: CallOptions): Promise<void>;
  size(): Promise<number>;
  destroy(): void;
  waitOn(name: never): Promise<unknown>;
}

/** The calls of one kind of storage, each taking the options last. */
export interface Calls<Storage> {
  readonly reads: Record<string, (storage: Storage, o?: CallOptions) => Promise<unknown>>;
  readonly writes: Record<string, (storage: Storage, o?: CallOptions) => Promise<unknown>>;
  readonly iterations: Record<
    string,
    (storage: Storage, o?: CallOptions) => AsyncGenerator<unknown>
  >;
  /** Writes one new row each time. */
  readonly add: (storage: Storage) => Promise<unknown>;
  /** An event that the kind has; `put` unless given. */
  readonly event?: string;
}

/** The cases about call options and disposal, which are the same for every kind of storage. */
export function lifecycleCases<Storage extends AnyStorage>(
  make: (c: CaseContext) => Promise<Storage>,
  calls: Calls<Storage>,
): readonly Case[] {
  return [...optionCases(make, calls), ...disposalCases(make, calls)];
}

function everyCall<Storage>({ reads, writes, iterations }: Calls<Storage>) {
  const walks = Object.entries(iterations).map(
    ([name, walk]) => [name, (s: Storage, o?: CallOptions) => collect(walk(s, o))] as const,
  );
  return [...Object.entries(reads), ...Object.entries(writes), ...walks];
}

function optionCases<Storage extends AnyStorage>(
  make: (c: CaseContext) => Promise<Storage>,
  calls: Calls<Storage>,
): readonly Case[] {
  return [
    {
      name: "a call with an aborted signal rejects with its reason and does nothing",
      run: async (c) => {
        const storage = await make(c);
        await calls.add(storage);
        const reason = new Error("the caller left");
        const signal = AbortSignal.abort(reason);
        for (const [name, call] of everyCall(calls)) {
          assert(
            (await rejection(() => call(storage, { signal }), name)) === reason,
            `${name} rejects with another reason`,
          );
        }
        assertEqual(await storage.size(), 1, "the size");
      },
    },
    {
      name: "a call takes a signal and a timeout and works",
      run: async (c) => {
        const storage = await make(c);
        const { signal } = new AbortController();
        for (const [, call] of everyCall(calls)) await call(storage, { signal, timeoutMs: 10_000 });
      },
    },
    {
      name: "refuses a timeout that is no positive number of milliseconds",
      run: async (c) => {
        const storage = await make(c);
        await calls.add(storage);
        for (const timeoutMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "5", null, 2 ** 31]) {
          for (const [name, call] of everyCall(calls)) {
            const options = { timeoutMs: timeoutMs as number };
            await assertInvalid(
              () => call(storage, options),
              `${name} with timeoutMs ${show(timeoutMs)}`,
            );
          }
        }
        assertEqual(await storage.size(), 1, "the size");
      },
    },
    {
      name: "refuses a signal that is none",
      run: async (c) => {
        const storage = await make(c);
        for (const signal of [{}, "x", 5, true]) {
          for (const [name, call] of everyCall(calls)) {
            const what = `${name} with the signal ${show(signal)}`;
            await assertInvalid(() => call(storage, { signal: signal as never }), what);
          }
        }
      },
    },
    {
      name: "a signal that aborts after the call changes nothing any more",
      run: async (c) => {
        const storage = await make(c);
        const controller = new AbortController();
        for (const call of Object.values(calls.reads)) await call(storage, controller);
        controller.abort();
        await calls.add(storage);
        assertEqual(await storage.size(), 1, "the size");
      },
    },
    {
      name: "an iteration ends with the signal's reason when it aborts on the way",
      run: async (c) => {
        for (const [name, walk] of Object.entries(calls.iterations)) {
          const storage = await make(c);
          for (let i = 0; i < 3; i++) await calls.add(storage);
          const controller = new AbortController();
          const reason = new Error("enough");
          let read = 0;
          const error = await rejection(async () => {
            for await (const _ of walk(storage, controller)) {
              read++;
              controller.abort(reason);
            }
          }, name);
          assert(error === reason && read >= 1, `${name} gives ${show(error)} after ${read} items`);
        }
      },
    },
  ];
}

function disposalCases<Storage extends AnyStorage>(
  make: (c: CaseContext) => Promise<Storage>,
  calls: Calls<Storage>,
): readonly Case[] {
  const closed = { name: "StorageClosedError" };
  return [
    {
      name: "after destroy() every call is a StorageClosedError",
      run: async (c) => {
        const storage = await make(c);
        await calls.add(storage);
        storage.destroy();
        storage.destroy();
        for (const [name, call] of everyCall(calls)) {
          await assertRejects(() => call(storage), closed, name);
        }
        await assertRejects(() => storage.setupDatabase(), closed, "setupDatabase");
      },
    },
    {
      name: "calls made before destroy() finish",
      run: async (c) => {
        const storage = await make(c);
        const calls_ = Array.from({ length: 20 }, () => calls.add(storage));
        storage.destroy();
        const settled = await Promise.allSettled(calls_);
        assertEqual(
          settled.map(({ status }) => status),
          Array(20).fill("fulfilled"),
        );
      },
    },
    {
      name: "await using waits for the running calls",
      run: async (c) => {
        const storage = await make(c);
        let finished = 0;
        const running = Array.from({ length: 20 }, () => calls.add(storage).then(() => finished++));
        await storage[Symbol.asyncDispose]();
        await pause(0);
        assertEqual(finished, 20, "the calls that had finished");
        await Promise.all(running);
        await storage[Symbol.asyncDispose]();
        await assertRejects(() => storage.size(), closed, "size");
      },
    },
    {
      name: "using destroys at the end of the block",
      run: async (c) => {
        const storage = await make(c);
        storage[Symbol.dispose]();
        await assertRejects(() => storage.size(), closed, "size");
      },
    },
    {
      name: "destroy() rejects a pending waitOn, and later ones",
      run: async (c) => {
        const storage = await make(c);
        const event = (calls.event ?? "put") as never;
        const pending = storage.waitOn(event);
        // It may reject before it is looked at.
        pending.catch(() => undefined);
        storage.destroy();
        await assertRejects(() => pending, closed, "the pending waitOn");
        const error = (await rejection(() => storage.waitOn(event), "a later waitOn")) as Error;
        assertEqual(error.name, "StorageClosedError", "the later waitOn's error");
      },
    },
    {
      name: "destroying one storage leaves others of its database alone",
      run: async (c) => {
        const [first, second] = [await make(c), await make(c)];
        await first[Symbol.asyncDispose]();
        await calls.add(second);
        assertEqual(await second.size(), 1, "the size");
        const third = await make(c);
        await calls.add(third);
        assertEqual(await third.size(), 1, "the size");
      },
    },
  ];
}
