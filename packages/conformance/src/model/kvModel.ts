import type { KvRange } from "@workglow/storage";
import fc from "fast-check";
import { assertEqual, fail, isEqual } from "../assert.ts";
import { byCodePoint, collect } from "../collect.ts";
import type { Case, TestKv } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { kvStorage, persistence } from "../requirements.ts";
import { identityOf, show } from "../show.ts";
import { jsonValues, texts } from "./arbitraries.ts";
import { checkProperty, type ModelOptions } from "./runs.ts";

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

type Operation =
  | ({ readonly do: "put" | "putIfAbsent" } & Entry)
  | ({ readonly do: "putIfEqual"; readonly expect: unknown } & Entry)
  | { readonly do: "putBulk"; readonly entries: readonly Entry[] }
  | { readonly do: "get" | "has" | "delete"; readonly key: string }
  | { readonly do: "getMany" | "deleteMany"; readonly keys: readonly string[] }
  | { readonly do: "entries"; readonly range: KvRange<string> }
  | { readonly do: "getAll" | "size" | "deleteAll" | "reopen" };

const keys = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "ab", "\uffff", "\u{1f600}") },
  { weight: 1, arbitrary: texts },
);

const values = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>(1, "1", null, true, [], {}) },
  { weight: 3, arbitrary: jsonValues },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
);

const entry = { key: keys, value: values };

const ranges: fc.Arbitrary<KvRange<string>> = fc.record(
  {
    gt: keys,
    gte: keys,
    lt: keys,
    lte: keys,
    prefix: texts,
    reverse: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: [] },
);

function operationsFor(reopen: boolean): fc.Arbitrary<readonly Operation[]> {
  const one = (name: string, fields: Record<string, fc.Arbitrary<unknown>>, weight = 2) => ({
    weight,
    arbitrary: fc.record({
      do: fc.constant(name),
      ...fields,
    }) as unknown as fc.Arbitrary<Operation>,
  });
  const list = [
    one("put", entry, 5),
    one("putIfAbsent", entry),
    one("putIfEqual", { ...entry, expect: values }),
    one("putBulk", { entries: fc.array(fc.record(entry), { maxLength: 5 }) }),
    one("get", { key: keys }),
    one("has", { key: keys }),
    one("delete", { key: keys }),
    one("getMany", { keys: fc.array(keys, { maxLength: 5 }) }),
    one("deleteMany", { keys: fc.array(keys, { maxLength: 3 }) }, 1),
    one("entries", { range: ranges }, 3),
    one("getAll", {}, 1),
    one("size", {}, 1),
    one("deleteAll", {}, 1),
  ];
  if (reopen) list.push(one("reopen", {}, 1));
  return fc.array(fc.oneof(...list), { maxLength: 30, size: "max" });
}

/** Keys and values as a `Map`, with the events that calls are to emit. */
class KvModel {
  private readonly map = new Map<string, unknown>();
  public readonly events: unknown[][] = [];

  public sorted(): Entry[] {
    return [...this.map]
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => byCodePoint(a.key, b.key));
  }

  public perform(operation: Operation): unknown {
    switch (operation.do) {
      case "put":
        return this.put(operation);
      case "putIfAbsent":
        return this.map.has(operation.key) ? "StorageConflictError" : this.put(operation);
      case "putIfEqual": {
        const { key, expect } = operation;
        const equal = this.map.has(key) && isEqual(this.map.get(key), expect);
        return equal ? this.put(operation) : "StorageConflictError";
      }
      case "putBulk":
        for (const each of operation.entries) this.put(each);
        return undefined;
      case "get":
        this.events.push(["get", operation.key, this.map.get(operation.key)]);
        return this.map.get(operation.key);
      case "has":
        return this.map.has(operation.key);
      case "delete":
        return this.remove([operation.key]);
      case "getMany":
        return [...new Set(operation.keys)]
          .filter((key) => this.map.has(key))
          .map((key) => ({ key, value: this.map.get(key) }));
      case "deleteMany":
        return this.remove(operation.keys);
      case "entries":
        return this.inRange(operation.range);
      case "getAll": {
        const all = this.map.size === 0 ? undefined : this.sorted();
        this.events.push(["getAll", all]);
        return all;
      }
      case "size":
        return this.map.size;
      case "deleteAll":
        this.map.clear();
        this.events.push(["deleteall"]);
        return undefined;
      case "reopen":
        return undefined;
    }
  }

  private put({ key, value }: Entry): void {
    this.map.set(key, value);
    this.events.push(["put", key, value]);
  }

  private remove(given: readonly string[]): void {
    for (const key of given) if (this.map.delete(key)) this.events.push(["delete", key]);
  }

  private inRange({ gt, gte, lt, lte, prefix, reverse, limit }: KvRange<string>): Entry[] {
    const found = this.sorted().filter(
      ({ key }) =>
        (gt === undefined || byCodePoint(key, gt) > 0) &&
        (gte === undefined || byCodePoint(key, gte) >= 0) &&
        (lt === undefined || byCodePoint(key, lt) < 0) &&
        (lte === undefined || byCodePoint(key, lte) <= 0) &&
        (prefix === undefined || key.startsWith(prefix)),
    );
    return (reverse ? found.reverse() : found).slice(0, limit);
  }
}

async function onStorage(operation: Operation, kv: TestKv): Promise<unknown> {
  switch (operation.do) {
    case "put":
      return kv.put(operation.key, operation.value);
    case "putIfAbsent":
      return kv.put(operation.key, operation.value, { ifAbsent: true });
    case "putIfEqual":
      return kv.put(operation.key, operation.value, { expect: operation.expect });
    case "putBulk":
      return kv.putBulk(operation.entries);
    case "get":
    case "has":
    case "delete":
      return kv[operation.do](operation.key);
    case "getMany":
    case "deleteMany":
      return kv[operation.do](operation.keys);
    case "entries":
      return collect(kv.entries(operation.range));
    case "getAll":
    case "size":
    case "deleteAll":
      return kv[operation.do]();
    case "reopen":
      return undefined;
  }
}

/** Events of one call; those of `deleteMany` come in any order. */
function comparable(events: readonly unknown[][]): readonly string[] {
  const shown = events.map(identityOf);
  return events.every(([name]) => name === "delete") ? shown.sort() : shown;
}

export function kvModelCases(options: ModelOptions): readonly Case[] {
  return [
    {
      name: "random calls on keys and values give what a Map gives: results and events",
      requires: [kvStorage],
      timeoutMs: 60_000 * Math.max(1, options.effort ?? 1),
      run: async (c) => {
        await checkProperty(
          operationsFor(persistence.met(c.backend)),
          60,
          options,
          async (operations) => {
            const spec = { table: c.freshTable() };
            const names = ["put", "get", "getAll", "delete", "deleteall"];
            const model = new KvModel();
            let kv = await c.kv(spec);
            let log = recordEvents(kv, names);
            for (const operation of operations) {
              if (operation.do === "reopen") {
                await c.reopen();
                kv = await c.kv(spec);
                log = recordEvents(kv, names);
              }
              const actual = await onStorage(operation, kv).catch((error: Error) => error.name);
              const expected = model.perform(operation);
              if (!isEqual(actual, expected)) {
                fail(`${show(operation)} gave ${show(actual)}, not ${show(expected)}`);
              }
              const heard = comparable(drain(log));
              assertEqual(
                heard,
                comparable(drain(model.events)),
                `the events of ${show(operation)}`,
              );
            }
            assertEqual(await collect(kv.entries()), model.sorted(), "the entries");
            await kv[Symbol.asyncDispose]();
          },
        );
      },
    },
  ];
}
