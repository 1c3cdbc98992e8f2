import {
  type Backend,
  type Case,
  performCalls,
  reasonNotApplicable,
  runCase,
  type Suite,
  transactionSuite,
} from "@workglow/conformance";
import { MemoryDatabase } from "@workglow/storage";
import { describe, expect, test } from "vitest";
import { assertEqual, isEqual } from "../src/assert.ts";
import { describeWith } from "../src/describeWith.ts";
import { persistence, transactions } from "../src/requirements.ts";
import { users } from "../src/tabular/tables.ts";
import { soundBackend } from "./broken/memoryStorages.ts";

const suiteOf = (...cases: Case[]): Suite => ({ name: "a suite", requires: [], cases });

const passing: Case = { name: "passes", run: async () => {} };

describe("describeWith", () => {
  test("keeps cases that do not apply in the report, with the reason", async () => {
    const names: string[] = [];
    const runner = {
      describe: (name: string, body: () => void) => {
        names.push(name);
        body();
      },
      test: (name: string) => void names.push(name),
    };
    const restarting: Case = { ...passing, name: "restarts", requires: [persistence] };
    describeWith(runner, suiteOf(passing, restarting), soundBackend);
    expect(names).toEqual([
      "a suite · memory",
      "passes",
      "not applicable (needs data that outlives a restart): restarts",
    ]);
  });

  test("a backend without a capability gets none of the cases that need it", () => {
    const capabilities = { ...soundBackend.capabilities, transactions: false };
    const backend: Backend<MemoryDatabase> = { ...soundBackend, capabilities };
    const applicable = transactionSuite.cases.filter(
      (one) => reasonNotApplicable(transactionSuite, one, backend) === undefined,
    );
    expect(applicable).toEqual([]);
    expect(transactions.met(soundBackend)).toBe(true);
  });
});

describe("runCase", () => {
  test("opens a database for each case, and closes it whatever happens", async () => {
    const log: string[] = [];
    const backend: Backend<MemoryDatabase> = {
      ...soundBackend,
      open: () => {
        log.push("open");
        return new MemoryDatabase();
      },
      close: () => void log.push("close"),
    };
    await runCase(passing, backend);
    const failing: Case = {
      name: "fails",
      run: async (c) => {
        await c.tabular(users);
        throw new Error("as expected");
      },
    };
    await expect(runCase(failing, backend)).rejects.toThrow("as expected");
    expect(log).toEqual(["open", "close", "open", "close"]);
  });

  test("ends a case that takes too long", async () => {
    const hanging: Case = { name: "hangs", timeoutMs: 20, run: () => new Promise(() => {}) };
    await expect(runCase(hanging, soundBackend)).rejects.toThrow('"hangs" took longer than 20 ms');
  });

  test("says what a backend lacks that a case uses without requiring it", async () => {
    const reopening: Case = { name: "reopens", run: (c) => c.reopen() };
    await expect(runCase(reopening, soundBackend)).rejects.toThrow('the backend has no "reopen"');
  });
});

describe("performCalls", () => {
  test("makes the calls in order and gives values and errors as data", async () => {
    const calls: unknown[] = [];
    const storage = {
      put: async (value: number) => {
        calls.push(value);
        return value * 2;
      },
      fail: async () => {
        throw Object.assign(new RangeError("no"), { kind: "invalid" });
      },
    };
    const results = await performCalls(storage, [
      { method: "put", args: [1] },
      { method: "fail", args: [] },
      { method: "put", args: [2] },
      { method: "missing", args: [] },
    ]);
    expect(calls).toEqual([1, 2]);
    expect(results).toMatchObject([
      { value: 2 },
      { error: { name: "RangeError", kind: "invalid", message: "no" } },
      { value: 4 },
      { error: { name: "TypeError" } },
    ]);
  });
});

describe("isEqual", () => {
  test("tells apart what a careless comparison takes for equal", () => {
    const different: readonly (readonly [unknown, unknown])[] = [
      [0, -0],
      [1, "1"],
      [1, 1n],
      [null, undefined],
      [{}, { a: undefined }],
      [[], {}],
      [new Uint8Array([1]), [1]],
      [new Uint8Array([1]), new Int8Array([1])],
      [new Float32Array([0]), new Float32Array([-0])],
      [Buffer.from([1]), new Uint8Array([1])],
      [JSON.parse('{"__proto__":1}'), {}],
      [[1, 2], [1]],
      [new Date(0), new Date(1)],
    ];
    for (const [a, b] of different) {
      expect(isEqual(a, b), String(a)).toBe(false);
      expect(isEqual(b, a), String(b)).toBe(false);
    }
  });

  test("finds equal what is", () => {
    const make = () => ({
      a: [1, { b: new Uint8Array([1]) }],
      c: Number.NaN,
      d: 2n ** 60n,
      e: new Date(5),
    });
    expect(isEqual(make(), make())).toBe(true);
    expect(isEqual({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
  });

  test("a failure says where and what", () => {
    const compare = () => assertEqual({ a: [{ b: 1 }] }, { a: [{ b: 2 }] }, "the row");
    expect(compare).toThrow("the row has at .a[0].b 1, not 2");
  });
});
