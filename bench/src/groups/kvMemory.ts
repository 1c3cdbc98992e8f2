import { InMemoryKvStorage } from "@workglow/storage";
import Keyv from "keyv";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import type { Contender, Group } from "../measure.ts";
import { type BenchRow, benchRows, numbers } from "../rows.ts";

const KEYS = 10_000;
const OPERATIONS = 20_000;

const rows = benchRows(KEYS);

interface KvApi {
  get(key: string): Promise<unknown>;
  put(key: string, value: BenchRow): Promise<unknown>;
}

/** Serial gets and puts of JSON rows. */
function kvOperations(api: KvApi, operations = OPERATIONS): Contender["operations"] {
  const order = numbers(operations, KEYS).map((n) => rows[n] as BenchRow);
  return {
    get: {
      run: async () => {
        for (const row of order) await api.get(row.id);
        return operations;
      },
    },
    put: {
      run: async () => {
        for (const row of order) await api.put(row.id, row);
        return operations;
      },
    },
  };
}

async function fillKv(api: KvApi): Promise<void> {
  for (const row of rows) await api.put(row.id, row);
}

async function contender(name: string, api: KvApi): Promise<Contender> {
  await fillKv(api);
  return { name, operations: kvOperations(api), close: () => undefined };
}

export const kvMemory: Group = {
  name: "KV, memory",
  goals: ["get", "put"].flatMap((operation) =>
    ["keyv", "unstorage"].map((peer) => ({ operation, peer, atLeast: 2 })),
  ),
  async open() {
    const ours = new InMemoryKvStorage<string, BenchRow>();
    const keyv = new Keyv();
    const unstorage = createStorage({ driver: memoryDriver() });
    return [
      await contender("workglow", ours),
      await contender("keyv", {
        get: (key) => keyv.get(key) as Promise<unknown>,
        put: (key, value) => keyv.set(key, value),
      }),
      await contender("unstorage", {
        get: (key) => unstorage.getItem(key),
        put: (key, value) => unstorage.setItem(key, value as never),
      }),
    ];
  },
};
