import {
  getGlobalQueueRepositories,
  getQueueRepository,
  QUEUE_REPOSITORIES,
  registerQueueRepository,
} from "@workglow/job-queue";
import {
  getGlobalKvRepositories,
  getGlobalTabularRepositories,
  getGlobalVectorRepositories,
  getKvRepository,
  getTabularRepository,
  getVectorRepository,
  KV_REPOSITORIES,
  registerKvRepository,
  registerTabularRepository,
  registerVectorRepository,
  TABULAR_REPOSITORIES,
  VECTOR_REPOSITORIES,
} from "@workglow/storage";
import {
  compactSchemaInputs,
  resolveSchemaInputs,
  ServiceRegistry,
  type ServiceToken,
  StorageValidationError,
} from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type StorageKit, storageKits } from "./storageKits.ts";

const ChunkSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

interface Kind {
  readonly format: string;
  readonly label: string;
  readonly token: ServiceToken<Map<string, never>>;
  readonly make: (kit: StorageKit) => object;
  readonly register: (id: string, storage: never) => void;
  readonly find: (id: string) => object | undefined;
  readonly all: () => ReadonlyMap<string, object>;
}

const kinds: readonly Kind[] = [
  {
    format: "storage:kv",
    label: "KV storage",
    token: KV_REPOSITORIES as never,
    make: (kit) => kit.kv("kv"),
    register: registerKvRepository,
    find: getKvRepository,
    all: getGlobalKvRepositories,
  },
  {
    format: "storage:tabular",
    label: "Tabular storage",
    token: TABULAR_REPOSITORIES as never,
    make: (kit) => kit.tabular("rows", ChunkSchema, ["id"] as const),
    register: registerTabularRepository,
    find: getTabularRepository,
    all: getGlobalTabularRepositories,
  },
  {
    format: "storage:vector",
    label: "Vector storage",
    token: VECTOR_REPOSITORIES as never,
    make: (kit) => kit.vector("chunks", ChunkSchema, ["id"] as const, 2),
    register: registerVectorRepository,
    find: getVectorRepository,
    all: getGlobalVectorRepositories,
  },
  {
    format: "storage:queue",
    label: "Queue storage",
    token: QUEUE_REPOSITORIES as never,
    make: (kit) => kit.queue("jobs"),
    register: registerQueueRepository,
    find: getQueueRepository,
    all: getGlobalQueueRepositories,
  },
];

const cases = storageKits.flatMap((kit) =>
  kinds.map((kind) => ({ backend: kit.name, kit, ...kind })),
);

describe.each(cases)("inputs of format $format, on $backend", (kind) => {
  const { format, label, token, register } = kind;
  const schema = {
    type: "object",
    properties: {
      one: { type: "string", format },
      many: { type: "array", items: { type: "string", format } },
      nested: { type: "object", properties: { one: { type: "string", format } } },
      text: { type: "string" },
    },
  } as const;
  let kit: StorageKit;
  let storage: object;
  let other: object;

  beforeEach(() => {
    kit = kind.kit.open();
    storage = kind.make(kit);
    other = kind.make(kit);
    register("first", storage as never);
    register("second", other as never);
  });
  afterEach(() => kit.close());

  test("are ids of the global registry, alone, in lists and nested", async () => {
    const input = {
      one: "first",
      many: ["second", "first"],
      nested: { one: "second" },
      text: "first",
    };
    const resolved = (await resolveSchemaInputs<unknown>(input, schema)) as typeof input;
    expect(resolved.one).toBe(storage);
    expect(resolved.many[0]).toBe(other);
    expect(resolved.many[1]).toBe(storage);
    expect(resolved.nested.one).toBe(other);
    expect(resolved.text).toBe("first");
    expect(input.one).toBe("first");
  });

  test("are ids of the registry given, before those of the global one", async () => {
    const registry = new ServiceRegistry();
    registry.registerInstance(token, new Map([["first", other as never]]));
    const input: Record<string, unknown> = { one: "first", nested: { one: "second" } };
    const resolved = await resolveSchemaInputs(input, schema, { registry });
    expect(resolved.one).toBe(other);
    expect((resolved.nested as { one: unknown }).one).toBe(other);
    const globally = await resolveSchemaInputs(input, schema);
    expect(globally.one).toBe(storage);
  });

  test("become ids again", async () => {
    const ids = { one: "first", many: ["second", "first"], nested: { one: "second" } };
    const resolved = await resolveSchemaInputs<unknown>(ids, schema);
    expect(await compactSchemaInputs(resolved, schema)).toEqual(ids);
  });

  test("stay what they are when they are storages already, or have no id", async () => {
    const unnamed = kind.make(kit);
    const input = { one: unnamed };
    expect((await resolveSchemaInputs(input, schema)).one).toBe(unnamed);
    expect((await compactSchemaInputs(input, schema)).one).toBe(unnamed);
  });

  test("are an error that names an unknown id", async () => {
    for (const id of ["nobody", "", "constructor", "__proto__"]) {
      const resolving = resolveSchemaInputs({ many: ["first", id] }, schema);
      await expect(resolving).rejects.toBeInstanceOf(StorageValidationError);
      await expect(resolving).rejects.toThrow(`${label} "${id}" not found in registry`);
    }
  });

  test("are found by their ids", () => {
    expect(kind.find("first")).toBe(storage);
    expect(kind.find("nobody")).toBeUndefined();
    expect(kind.all().get("second")).toBe(other);
  });
});
