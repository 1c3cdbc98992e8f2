import { subscriptionSuite, type TestRow, type TestTabular } from "@workglow/conformance";
import type { TabularChangePayload } from "@workglow/storage";
import type { Alteration } from "../broken-queue/altered.ts";
import { type BrokenStorage, withTabular } from "./memoryStorages.ts";

type Change = TabularChangePayload<TestRow>;
type Callback = (change: Change) => void | Promise<void>;

const broken = (
  defect: string,
  foundBy: string,
  alteration: Alteration<TestTabular>,
): BrokenStorage => ({
  defect,
  suite: subscriptionSuite,
  foundBy,
  backend: withTabular(alteration),
});

/** Puts something between the storage and its subscribers. */
const delivering =
  (around: (callback: Callback) => Callback): Alteration<TestTabular> =>
  (table) => ({
    subscribeToChanges: (callback, options) => table.subscribeToChanges(around(callback), options),
  });

const EVERY_WAY = "every way of writing is delivered as INSERT, UPDATE or DELETE, with old and new";

export const BROKEN_CHANGES: readonly BrokenStorage[] = [
  broken(
    "changes come without old",
    EVERY_WAY,
    delivering(
      (callback) =>
        ({ old: _, ...change }) =>
          callback(change),
    ),
  ),
  broken(
    "an update comes as an insert",
    EVERY_WAY,
    delivering(
      (callback) => (change) =>
        callback(change.type === "UPDATE" ? { ...change, type: "INSERT" } : change),
    ),
  ),
  broken(
    "a change comes twice",
    EVERY_WAY,
    delivering((callback) => async (change) => {
      await callback(change);
      if (change.type === "DELETE") await callback(change);
    }),
  ),
  broken("a bulk comes as one change", "a bulk of thousands is delivered whole", (table) => ({
    subscribeToChanges: (callback, options) => {
      let last = 0;
      const thinned: Callback = (change) => {
        const now = Date.now();
        const skip = now - last < 1;
        last = now;
        return skip ? undefined : callback(change);
      };
      return table.subscribeToChanges(thinned, options);
    },
  })),
  broken(
    "changes come out of order",
    "hundreds of changes arrive once each, in the order of the commits",
    delivering((callback) => {
      let held: Change | undefined;
      return async (change) => {
        const [first, second] = [change, held];
        held = held === undefined ? change : undefined;
        if (second === undefined) return;
        await callback(first);
        await callback(second);
      };
    }),
  ),
  broken(
    "callbacks are not awaited",
    "a callback's promise is awaited before the next change",
    delivering((callback) => (change) => void callback(change)),
  ),
  broken(
    "subscribers share the rows",
    "subscribers do not disturb each other, and each gets copies of its own",
    (table) => {
      const shared = new Map<string, Change>();
      return {
        subscribeToChanges: (callback, options) =>
          table.subscribeToChanges((change) => {
            const same = shared.get(change.position) ?? change;
            shared.set(change.position, same);
            return callback(same);
          }, options),
      };
    },
  ),
  broken(
    "unsubscribing does nothing",
    "a subscriber that unsubscribes hears no more, the others go on",
    (table) => ({
      subscribeToChanges: (callback, options) => {
        const { ready } = table.subscribeToChanges(callback, options);
        return Object.assign(() => undefined, { ready });
      },
    }),
  ),
  broken(
    "since is ignored",
    "since goes on after a position, for as long as the changes are kept",
    (table) => ({
      subscribeToChanges: (callback) => table.subscribeToChanges(callback),
    }),
  ),
  broken(
    "a lost position goes on without a word",
    "a position that never was is refused, or gives one RESYNC and then changes",
    delivering((callback) => (change) => (change.type === "RESYNC" ? undefined : callback(change))),
  ),
  broken(
    "all rows come as inserts first",
    "calls made right after subscribing are delivered, those before are not",
    (table) => ({
      subscribeToChanges: (callback, options) => {
        const replayed = table.getAll().then(async (rows) => {
          for (const row of rows ?? []) await callback({ type: "INSERT", new: row, position: "0" });
        });
        const inner = table.subscribeToChanges(callback, options);
        const ready = Promise.all([replayed, inner.ready]).then(() => undefined);
        return Object.assign(() => inner(), { ready });
      },
    }),
  ),
  broken(
    "the changes of one subscriber wait for the other's callback",
    "a slow subscriber holds neither writers nor others back",
    (table) => {
      let turn: Promise<unknown> = Promise.resolve();
      return {
        subscribeToChanges: (callback, options) =>
          table.subscribeToChanges(async (change) => {
            turn = turn.then(() => callback(change));
            await turn;
          }, options),
      };
    },
  ),
  broken(
    "an insert that was refused is delivered",
    "writes that change nothing are not delivered",
    (table) => {
      const callbacks: Callback[] = [];
      return {
        subscribeToChanges: (callback, options) => {
          callbacks.push(callback);
          return table.subscribeToChanges(callback, options);
        },
        insert: async (row, options) => {
          for (const callback of callbacks)
            await callback({ type: "INSERT", new: row, position: "x" });
          return table.insert(row, options);
        },
      };
    },
  ),
];
