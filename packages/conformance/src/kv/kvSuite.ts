import { assertEqual } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, Suite, TestKv } from "../harness.ts";
import { lifecycleCases } from "../lifecycleCases.ts";
import {
  kvStorage,
  otherProcess,
  persistence,
  secondConnection,
  sharedTables,
  writable,
} from "../requirements.ts";
import { eventCases } from "./events.ts";
import { idCases } from "./ids.ts";
import { keyCases } from "./keys.ts";
import { operationCases } from "./operations.ts";
import { rangeCases } from "./ranges.ts";
import { valueCases } from "./values.ts";

let added = 0;

const lifecycle = lifecycleCases<TestKv>((c) => c.kv(), {
  reads: {
    get: (kv, o) => kv.get("key", o),
    getMany: (kv, o) => kv.getMany(["key"], o),
    has: (kv, o) => kv.has("key", o),
    getAll: (kv, o) => kv.getAll(o),
    size: (kv, o) => kv.size(o),
  },
  writes: {
    put: (kv, o) => kv.put("key", 1, o),
    putBulk: (kv, o) => kv.putBulk([{ key: "key", value: 1 }], o),
    delete: (kv, o) => kv.delete("key", o),
    deleteMany: (kv, o) => kv.deleteMany(["key"], o),
    deleteAll: (kv, o) => kv.deleteAll(o),
    setupDatabase: (kv, o) => kv.setupDatabase(o),
  },
  iterations: {
    keys: (kv, o) => kv.keys({}, o),
    entries: (kv, o) => kv.entries({}, o),
  },
  add: (kv) => kv.put(`added ${added++}`, 1),
});

const sharingCases: readonly Case[] = [
  {
    name: "keeps its entries over a restart",
    requires: [persistence],
    run: async (c) => {
      const before = await c.kv({ table: "kept" });
      await before.putBulk([
        { key: "a", value: { x: [1, null] } },
        { key: "b", value: new Uint8Array([1, 2]) },
      ]);
      await c.reopen();
      const after = await c.kv({ table: "kept" });
      assertEqual(await after.getAll(), [
        { key: "a", value: { x: [1, null] } },
        { key: "b", value: new Uint8Array([1, 2]) },
      ]);
    },
  },
  {
    name: "two storages of one table see the same entries",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = [await c.kv({ table: "shared" }), await c.kv({ table: "shared" })];
      await first.put("a", 1);
      assertEqual(await second.get("a"), 1);
      await second.put("a", 2);
      assertEqual(await first.get("a"), 2);
      await second.deleteAll();
      assertEqual(await first.getAll(), undefined);
    },
  },
  {
    name: "two connections see the same entries",
    requires: [secondConnection],
    run: async (c) => {
      const first = await c.kv({ table: "shared" });
      const second = await (await c.connect()).kv({ table: "shared" });
      await first.put("a", 1);
      assertEqual(await second.get("a"), 1);
      await Promise.all([
        ...Array.from({ length: 20 }, (_, i) => first.put(`first ${i}`, i)),
        ...Array.from({ length: 20 }, (_, i) => second.put(`second ${i}`, i)),
      ]);
      assertEqual(await first.size(), 41, "the size");
      assertEqual((await collect(second.keys())).length, 41, "the number of keys");
    },
  },
  {
    name: "sees what another process stored",
    requires: [otherProcess],
    timeoutMs: 20_000,
    run: async (c) => {
      const spec = { table: "shared", keyType: "string" } as const;
      const kv = await c.kv(spec);
      await kv.put("a", 1);
      const results = await c.inOtherProcess({
        kind: "kv",
        spec,
        calls: [
          { method: "setupDatabase", args: [] },
          { method: "get", args: ["a"] },
          { method: "put", args: ["b", { from: "elsewhere" }] },
        ],
      });
      assertEqual(results[1], { value: 1 }, "what the other process read");
      assertEqual(await kv.get("b"), { from: "elsewhere" });
    },
  },
];

/** Key-value storage: values, keys, operations, ranges, ids, events, call options, disposal. */
export const kvSuite: Suite = {
  name: "key-value storage",
  requires: [kvStorage, writable],
  cases: [
    ...valueCases,
    ...keyCases,
    ...operationCases,
    ...rangeCases,
    ...idCases,
    ...eventCases,
    ...lifecycle,
    ...sharingCases,
  ],
};
