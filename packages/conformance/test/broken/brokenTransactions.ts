import {
  prefixSuite,
  type TestRow,
  type TestTabular,
  transactionSuite,
} from "@workglow/conformance";
import { StorageTransactionError } from "@workglow/util";
import type { Alteration } from "../broken-queue/altered.ts";
import {
  type BrokenStorage,
  makeTabular,
  optionsOf,
  soundBackend,
  withTabular,
} from "./memoryStorages.ts";

const broken = (
  defect: string,
  foundBy: string,
  alteration: Alteration<TestTabular>,
): BrokenStorage => ({
  defect,
  suite: transactionSuite,
  foundBy,
  backend: withTabular(alteration),
});

type Work<T> = (tx: TestTabular) => Promise<T>;

/** Gives a transaction's function another handle. */
const handing =
  (handle: (tx: TestTabular, table: TestTabular) => TestTabular): Alteration<TestTabular> =>
  (table) => ({
    transaction: ((fn: Work<unknown>, options?: object) =>
      table.transaction((tx) => fn(handle(tx, table)), options)) as TestTabular["transaction"],
  });

const BROKEN_TRANSACTIONS: readonly BrokenStorage[] = [
  broken(
    "nothing is rolled back",
    "a transaction whose function throws leaves everything as it was",
    (table) => ({
      transaction: ((fn: Work<unknown>) => fn(table)) as TestTabular["transaction"],
    }),
  ),
  broken(
    "the caller's error comes back in another",
    "a transaction whose function throws leaves everything as it was",
    (table) => ({
      transaction: (async (fn: Work<unknown>) => {
        try {
          return await table.transaction(fn);
        } catch (cause) {
          throw new StorageTransactionError("rolled back", { cause });
        }
      }) as TestTabular["transaction"],
    }),
  ),
  broken(
    "rows come back, but not those that were deleted",
    "a transaction whose function throws leaves everything as it was",
    (table) => ({
      transaction: (async (fn: Work<unknown>) => {
        const before = new Set(((await table.getAll()) ?? []).map(({ id }) => id));
        try {
          return await table.transaction(fn);
        } catch (error) {
          const [gone] = before;
          if (before.size === 3) await table.delete({ id: gone });
          throw error;
        }
      }) as TestTabular["transaction"],
    }),
  ),
  broken(
    "events come before the commit",
    "events follow the commit, in the order of the calls",
    handing((tx, table) => {
      const view = Object.create(tx) as TestTabular;
      view.put = async (row) => {
        table.emit("put", row);
        return tx.put(row);
      };
      return view;
    }),
  ),
  broken(
    "reads in a transaction do not see its writes",
    "inside a transaction its own writes can be read by every method",
    handing((tx) => {
      const view = Object.create(tx) as TestTabular;
      view.getAll = async () => undefined;
      return view;
    }),
  ),
  broken(
    "an open transaction keeps nobody out",
    "concurrent transactions lose no increment",
    (table) => ({
      transaction: (async (fn: Work<unknown>) => {
        const view = Object.create(table) as TestTabular;
        return fn(view);
      }) as TestTabular["transaction"],
    }),
  ),
  broken(
    "a nested transaction undoes nothing by itself",
    "a nested transaction that throws undoes only itself",
    handing((tx) => {
      const view = Object.create(tx) as TestTabular;
      view.transaction = ((fn: Work<unknown>) => fn(tx)) as TestTabular["transaction"];
      return view;
    }),
  ),
  broken(
    "calls past the handle just work",
    "a call on the storage itself from inside a transaction is a StorageTransactionError",
    (table) => {
      let open: TestTabular | undefined;
      return {
        size: (options) => (open ?? table).size(options),
        transaction: ((fn: Work<unknown>) =>
          table.transaction(async (tx) => {
            open = tx;
            try {
              return await fn(tx);
            } finally {
              open = undefined;
            }
          })) as TestTabular["transaction"],
      };
    },
  ),
  broken(
    "a handle works after its transaction",
    "a handle is of no use once its transaction has ended",
    handing((tx, table) => {
      const view = Object.create(tx) as TestTabular;
      view.size = async () => tx.size().catch(() => table.size());
      return view;
    }),
  ),
  {
    defect: "transactions of another database are taken",
    suite: transactionSuite,
    foundBy: "a storage refuses a transaction that has ended or belongs to another database",
    backend: withTabular((table) => ({ with: () => table })),
  },
];

/** Leaves the prefixes out, so that all tenants share one. */
const withoutTenants = {
  ...soundBackend,
  tabular: (database, spec) => {
    const { prefixes: _, prefixValues: __, ...options } = optionsOf(spec);
    return makeTabular(database, { ...spec, options });
  },
} satisfies BrokenStorage["backend"];

/** The sound storage, with one method that looks at all tenants. */
function leaking(
  leak: (mine: TestTabular, everybody: readonly TestTabular[]) => Partial<TestTabular>,
): BrokenStorage["backend"] {
  const tenants = new WeakMap<object, TestTabular[]>();
  return {
    ...soundBackend,
    tabular: (database, spec) => {
      const table = makeTabular(database, spec);
      const others = tenants.get(database) ?? [];
      tenants.set(database, [...others, table]);
      const everybody = () => tenants.get(database) ?? [];
      return withLate(table, () => leak(table, everybody()));
    },
  };
}

/** Like `altered`, but asks for the replacements at each call. */
function withLate(table: TestTabular, replaced: () => Partial<TestTabular>): TestTabular {
  return new Proxy(table, {
    get(target, name) {
      const own = replaced();
      if (Object.hasOwn(own, name)) return own[name as keyof TestTabular];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const tenants = (
  defect: string,
  foundBy: string,
  backend: BrokenStorage["backend"],
): BrokenStorage => ({
  defect,
  suite: prefixSuite,
  foundBy,
  backend,
});

const BROKEN_TENANTS: readonly BrokenStorage[] = [
  tenants("prefixes are ignored", "tenants keep rows of the same key apart", withoutTenants),
  tenants(
    "count counts every tenant's rows",
    "no method of a tenant reads another's rows",
    leaking((_, everybody) => ({
      count: async (...args) => {
        const counts = await Promise.all(everybody.map((table) => table.count(...args)));
        return counts.reduce((sum, count) => sum + count, 0);
      },
    })),
  ),
  tenants(
    "deleteAll deletes every tenant's rows",
    "no method of a tenant changes another's rows",
    leaking((_, everybody) => ({
      deleteAll: async () => {
        for (const table of everybody) await table.deleteAll();
      },
    })),
  ),
  tenants(
    "a tenant hears every tenant's changes",
    "a tenant hears its own changes and no other's",
    leaking((_, everybody) => ({
      subscribeToChanges: (callback, options) => {
        const all = everybody.map((table) => table.subscribeToChanges(callback, options));
        const ready = Promise.all(all.map((one) => one.ready)).then(() => undefined);
        return Object.assign(() => all.forEach((one) => void one()), { ready });
      },
    })),
  ),
  tenants(
    "rows come with their prefixes",
    "events and their rows carry no prefixes, and come of the tenant's own calls",
    withTabular((table) => ({
      on: (name, fn) =>
        table.on(
          name,
          (name === "put"
            ? (row: TestRow) => (fn as (row: TestRow) => void)({ ...row, user_id: "abc-123" })
            : fn) as never,
        ),
    })),
  ),
];

export const BROKEN_ISOLATION: readonly BrokenStorage[] = [
  ...BROKEN_TRANSACTIONS,
  ...BROKEN_TENANTS,
];
