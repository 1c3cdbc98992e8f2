import { kvSuite, type TestKv } from "@workglow/conformance";
import type { KvRange } from "@workglow/storage";
import { StorageConflictError } from "@workglow/util";
import type { Alteration } from "../broken-queue/altered.ts";
import { type BrokenStorage, withKv } from "./memoryStorages.ts";

type AnyKv = TestKv<string | number>;

const broken = (
  defect: string,
  foundBy: string,
  alteration: Alteration<AnyKv>,
  failsWith?: string,
): BrokenStorage => ({
  defect,
  suite: kvSuite,
  foundBy,
  backend: withKv(alteration),
  ...(failsWith !== undefined && { failsWith }),
});

export const BROKEN_KVS: readonly BrokenStorage[] = [
  broken("undefined is stored as null", "refuses undefined as a value", (kv) => ({
    put: (key, value, options) => kv.put(key, value ?? null, options),
  })),
  broken("bytes come back as an object", "gives back bytes as a Uint8Array", (kv) => ({
    get: async (key) => {
      const value = await kv.get(key);
      return value instanceof Uint8Array ? { ...value } : value;
    },
  })),
  broken("null is taken for absent", "stores null as a value", (kv) => ({
    has: async (key) => ((await kv.get(key)) ?? null) !== null,
  })),
  broken("values are not copied", "gives copies out", (kv) => {
    const values = new Map<unknown, unknown>();
    return {
      put: (key, value) => {
        values.set(key, value);
        return kv.put(key, value);
      },
      getAll: async () => (await kv.getAll())?.map(({ key }) => ({ key, value: values.get(key) })),
    };
  }),
  broken(
    "keys ignore case",
    "tells keys apart that differ in case, accents' form or trailing spaces",
    (kv) => ({
      put: (key, value) => kv.put(typeof key === "string" ? key.toLowerCase() : key, value),
    }),
  ),
  broken("number keys are ordered as texts", "orders number keys as numbers", (kv) => ({
    keys: async function* (range) {
      const keys: (string | number)[] = [];
      for await (const key of kv.keys(range)) keys.push(key);
      yield* keys.sort((a, b) => (`${a}` < `${b}` ? -1 : 1));
    },
  })),
  broken(
    "a prefix ends at U+FFFF",
    "walks prefixes literally, whatever characters they hold",
    (kv) => {
      const bounds = ({ prefix, ...range }: KvRange<string | number>): KvRange<string | number> =>
        prefix === undefined ? range : { ...range, gte: prefix, lt: `${prefix}\uffff` };
      return {
        keys: (range = {}, options) => kv.keys(bounds(range), options),
        entries: (range = {}, options) => kv.entries(bounds(range), options),
      };
    },
  ),
  broken("walks go by offset", "walks on steadily while keys come and go", (kv) => ({
    keys: async function* () {
      for (let offset = 0; ; offset += 100) {
        const page = ((await kv.getAll()) ?? []).slice(offset, offset + 100);
        for (const { key } of page) yield key;
        if (page.length < 100) return;
      }
    },
  })),
  broken("limits of walks are not checked", "refuses bad ranges", (kv) => ({
    keys: ({ limit, ...range } = {}) => kv.keys(Number(limit) >= 1 ? { ...range, limit } : range),
  })),
  broken(
    "putBulk stores what comes before a bad item",
    "putBulk stores nothing when one item of a list is bad",
    (kv) => ({
      putBulk: async (items) => {
        for await (const { key, value } of items) await kv.put(key, value);
      },
    }),
  ),
  broken(
    "ifAbsent looks first and writes later",
    "of writers that want a key to be absent, exactly one succeeds",
    (kv) => ({
      put: async (key, value, options = {}) => {
        if (options.ifAbsent && (await kv.has(key))) throw new StorageConflictError("taken");
        await kv.put(key, value);
      },
    }),
  ),
  broken(
    "expect compares texts of JSON",
    "put expect does not mind the order of an object's properties",
    (kv) => ({
      put: async (key, value, { expect, ...options } = {}) => {
        const held = JSON.stringify(await kv.get(key));
        if (expect !== undefined && held !== JSON.stringify(expect))
          throw new StorageConflictError("differs");
        await kv.put(key, value, options);
      },
    }),
    "StorageConflictError",
  ),
  broken(
    "getMany repeats keys",
    "getMany keeps the order given, leaves missing keys out and repeats none",
    (kv) => ({
      getMany: async (keys) => (await Promise.all(keys.map((key) => kv.getMany([key])))).flat(),
    }),
  ),
  broken(
    "ids depend on the order of properties",
    "getObjectAsIdString gives one text whatever the order of the properties",
    () => ({
      getObjectAsIdString: async (object) => JSON.stringify(object),
    }),
  ),
  broken(
    "ids of different values collide",
    "getObjectAsIdString never gives two values one id",
    (kv) => ({
      getObjectAsIdString: async (object) =>
        (await kv.getObjectAsIdString(object)).replaceAll('"', ""),
    }),
  ),
  broken("putBulk emits no events", "emits put once per item of a bulk, in its order", (kv) => ({
    on: (name, fn) => void (name === "put" ? undefined : kv.on(name, fn)),
  })),
  broken(
    "deleteAll emits delete for each key",
    "emits deleteall once, without arguments, and no delete",
    (kv) => ({
      deleteAll: async () => {
        for await (const key of kv.keys()) await kv.delete(key);
        await kv.deleteAll();
      },
    }),
  ),
];
