import { assert, assertEqual, assertInvalid, assertRejects } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestKv } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { withSilentLogger } from "../silentLogger.ts";

const NAMES = ["put", "get", "getAll", "delete", "deleteall"];

const pair = (key: string, value: unknown) => ({ key, value });

async function watched(kv: TestKv): Promise<[TestKv, unknown[][]]> {
  return [kv, recordEvents(kv, NAMES)];
}

export const eventCases: readonly Case[] = [
  {
    name: "emits put with key and value",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.put("a", { x: 1 });
      await kv.put("a", null);
      await kv.put("b", new Uint8Array([1]), { ifAbsent: true });
      assertEqual(drain(log), [
        ["put", "a", { x: 1 }],
        ["put", "a", null],
        ["put", "b", new Uint8Array([1])],
      ]);
    },
  },
  {
    name: "emits put once per item of a bulk, in its order",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.putBulk([pair("b", 1), pair("a", 2), pair("c", 3)]);
      assertEqual(drain(log), [
        ["put", "b", 1],
        ["put", "a", 2],
        ["put", "c", 3],
      ]);
      await kv.putBulk([]);
      assertEqual(drain(log), []);
    },
  },
  {
    name: "emits get with key and value, or undefined where there is none",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.put("a", [1]);
      drain(log);
      await kv.get("a");
      await kv.get("missing");
      assertEqual(drain(log), [
        ["get", "a", [1]],
        ["get", "missing", undefined],
      ]);
    },
  },
  {
    name: "emits getAll with the entries, or undefined where there are none",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.getAll();
      await kv.put("a", 1);
      await kv.getAll();
      assertEqual(drain(log), [
        ["getAll", undefined],
        ["put", "a", 1],
        ["getAll", [pair("a", 1)]],
      ]);
    },
  },
  {
    name: "emits delete for keys that were there, and for no other",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.putBulk([pair("a", 1), pair("b", 2), pair("c", 3)]);
      drain(log);
      await kv.delete("missing");
      await kv.delete("a");
      await kv.delete("a");
      assertEqual(drain(log), [["delete", "a"]]);
      await kv.deleteMany(["b", "missing", "c"]);
      assertEqual(drain(log).sort(), [
        ["delete", "b"],
        ["delete", "c"],
      ]);
    },
  },
  {
    name: "emits deleteall once, without arguments, and no delete",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.putBulk([pair("a", 1), pair("b", 2)]);
      drain(log);
      await kv.deleteAll();
      assertEqual(drain(log), [["deleteall"]]);
    },
  },
  {
    name: "emits nothing for calls that fail",
    run: async (c) => {
      const [kv, log] = await watched(await c.kv());
      await kv.put("a", 1);
      drain(log);
      await assertInvalid(() => kv.put("b", undefined), "a bad value");
      await assertInvalid(() => kv.putBulk([pair("b", 1), pair("c", undefined)]), "a bad bulk");
      await assertInvalid(() => kv.get(1 as never), "a bad key");
      const conflict = { name: "StorageConflictError" };
      await assertRejects(() => kv.put("a", 2, { ifAbsent: true }), conflict, "a taken key");
      await assertRejects(() => kv.put("a", 2, { expect: 5 }), conflict, "another value");
      assertEqual(drain(log), []);
    },
  },
  {
    name: "emits after the write can be read",
    run: async (c) => {
      const kv = await c.kv();
      const read = new Promise((resolve) => {
        kv.once("put", (key) => resolve(kv.get(key)));
      });
      await kv.put("a", 1);
      assertEqual(await read, 1);
    },
  },
  {
    name: "gives listeners copies",
    run: async (c) => {
      const kv = await c.kv();
      kv.on("put", (_key, value) => {
        (value as number[]).push(9);
      });
      await kv.put("a", [1]);
      assertEqual(await kv.get("a"), [1]);
    },
  },
  {
    name: "on, once, off, emit and waitOn do what they say",
    run: async (c) => {
      const kv = await c.kv();
      const log: unknown[] = [];
      const listener = (key: string): void => void log.push(["on", key]);
      kv.on("put", listener);
      kv.once("put", (key) => void log.push(["once", key]));
      const waited = kv.waitOn("put");
      const waitedForAll = kv.waitOn("deleteall");
      await kv.put("a", 1);
      await kv.put("b", 2);
      kv.off("put", listener);
      await kv.put("c", 3);
      assertEqual(log, [
        ["on", "a"],
        ["once", "a"],
        ["on", "b"],
      ]);
      assertEqual(await waited, ["a", 1], "what waitOn resolves to");
      await kv.deleteAll();
      assertEqual(await waitedForAll, [], "what waitOn resolves to");
      kv.on("delete", listener);
      kv.emit("delete", "own");
      assertEqual(log.at(-1), ["on", "own"]);
    },
  },
  {
    name: "a listener that throws fails neither the call nor other listeners",
    run: async (c) => {
      const kv = await c.kv();
      let heard = 0;
      const reported = await withSilentLogger(async () => {
        kv.on("put", () => {
          throw new Error("from a listener");
        });
        kv.on("put", () => void heard++);
        await kv.put("a", 1);
        await kv.putBulk([pair("b", 2), pair("c", 3)]);
      });
      assertEqual(heard, 3, "the number of events the second listener heard");
      assert(reported === 3, `the logger was told ${reported} times of 3 errors`);
      assertEqual(await collect(kv.keys()), ["a", "b", "c"]);
    },
  },
];
