import type { Backend, Requirement } from "./harness.ts";

type Member = keyof Backend;

const has = (member: Member, needs: string): Requirement => ({
  needs,
  met: (backend) => backend[member] !== undefined,
});

export const kvStorage = has("kv", "key-value storage");
export const tabularStorage = has("tabular", "tabular storage");
export const vectorStorage = has("vector", "vector storage");

export const writable: Requirement = {
  needs: "a storage that takes writes",
  met: ({ capabilities }) => capabilities.writable,
};

export const transactions: Requirement = {
  needs: "transactions",
  met: ({ capabilities }) => capabilities.transactions,
};

/** Whoever reads outside of a transaction goes on while it is open. */
export const readsBesideTransactions: Requirement = {
  needs: "reads that wait for no transaction",
  met: ({ capabilities }) => capabilities.readsWait !== true,
};

/** One transaction over several storages. */
export const jointTransactions: Requirement = {
  needs: "transactions over several storages",
  met: ({ capabilities, withTransaction }) =>
    capabilities.transactions && withTransaction !== undefined,
};

export const changes: Requirement = {
  needs: "change subscriptions",
  met: ({ capabilities }) => capabilities.changes !== "none",
};

export const changesOfAllProcesses: Requirement = {
  needs: "change subscriptions that hear other processes",
  met: ({ capabilities }) => capabilities.changes === "all-processes",
};

export const sharedTables: Requirement = {
  needs: "tables that several storages share",
  met: (backend) => backend.sharesTables,
};

export const persistence: Requirement = {
  needs: "data that outlives a restart",
  met: ({ capabilities, reopen }) => capabilities.persistent && reopen !== undefined,
};

export const secondConnection = has("connect", "a second connection to the same data");

export const otherProcess: Requirement = {
  needs: "a second process on the same data",
  met: ({ capabilities, inOtherProcess }) =>
    capabilities.multiProcess && inOtherProcess !== undefined,
};

/** Tables are made by `setupDatabase()` and last longer than a storage. */
export const setUpTables: Requirement = {
  needs: "tables that are set up before use",
  met: ({ capabilities }) => capabilities.persistent,
};

/** Calls that go past a transaction's handle can be told only where calls can be followed. */
export const trackedCalls: Requirement = {
  needs: "a runtime that follows asynchronous calls",
  met: () => {
    const { process } = globalThis as { process?: { versions?: { node?: string } } };
    return process?.versions?.node !== undefined;
  },
};

export const float16Arrays: Requirement = {
  needs: "a runtime with Float16Array",
  met: () => "Float16Array" in globalThis,
};
