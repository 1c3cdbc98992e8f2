import * as util from "@workglow/util";
import {
  createServiceToken,
  globalServiceRegistry,
  resolveSchemaInputs,
  ServiceRegistry,
  StorageValidationError,
} from "@workglow/util";
import { afterEach, describe, expect, it } from "vitest";
import {
  createRepositoryRegistry,
  getGlobalKvRepositories,
  getGlobalTabularRepositories,
  getGlobalVectorRepositories,
  getKvRepository,
  getTabularRepository,
  getVectorRepository,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  KV_REPOSITORIES,
  registerKvRepository,
  registerTabularRepository,
  registerVectorRepository,
  TABULAR_REPOSITORIES,
  VECTOR_REPOSITORIES,
} from "../src/index.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
} as const;

const kinds = [
  {
    format: "storage:kv",
    label: "KV storage",
    token: KV_REPOSITORIES,
    tokenId: "storage.kv.repositories",
    make: () => new InMemoryKvStorage(),
    register: registerKvRepository,
    get: getKvRepository,
    all: getGlobalKvRepositories,
  },
  {
    format: "storage:tabular",
    label: "Tabular storage",
    token: TABULAR_REPOSITORIES,
    tokenId: "storage.tabular.repositories",
    make: () => new InMemoryTabularStorage(schema, ["id"] as const),
    register: registerTabularRepository,
    get: getTabularRepository,
    all: getGlobalTabularRepositories,
  },
  {
    format: "storage:vector",
    label: "Vector storage",
    token: VECTOR_REPOSITORIES,
    tokenId: "storage.vector.repositories",
    make: () => new InMemoryVectorStorage(schema, ["id"] as const, [], 2),
    register: registerVectorRepository,
    get: getVectorRepository,
    all: getGlobalVectorRepositories,
  },
];

describe.each(kinds)("the registry for $format", (kind) => {
  const { format, token, all } = kind;
  const make = kind.make as () => never;
  const input = {
    type: "object",
    properties: { storage: { type: "string", format }, more: { type: "array", items: { format } } },
  } as const;
  afterEach(() => all().clear());

  it("keeps storages by id, under a token of the global registry", () => {
    expect(token.id).toBe(kind.tokenId);
    expect(kind.get("one")).toBeUndefined();
    const storage = make();
    kind.register("one", storage);
    expect(kind.get("one")).toBe(storage);
    expect([...all().keys()]).toEqual(["one"]);
    expect(globalServiceRegistry.get(token as never)).toBe(all());
  });

  it("resolves ids in inputs, and turns instances into ids again", async () => {
    const [one, two] = [make(), make()];
    kind.register("one", one);
    kind.register("two", two);
    const resolved = await resolveSchemaInputs({ storage: "one", more: ["two", "one"] }, input);
    expect(resolved.storage).toBe(one);
    expect(resolved.more).toEqual([two, one]);
    expect(await util.compactSchemaInputs(resolved, input)).toEqual({
      storage: "one",
      more: ["two", "one"],
    });
    const unknown = make();
    expect(await util.compactSchemaInputs({ storage: unknown }, input)).toEqual({
      storage: unknown,
    });
  });

  it("looks in the registry that is given before the global one", async () => {
    const registry = new ServiceRegistry();
    const [own, global] = [make(), make()];
    registry.registerInstance(token as never, new Map([["one", own]]) as never);
    kind.register("one", global);
    kind.register("two", global);
    const resolved = await resolveSchemaInputs({ storage: "one", more: ["two"] }, input, {
      registry,
    });
    expect(resolved.storage).toBe(own);
    expect(resolved.more[0]).toBe(global);
    expect(await util.compactSchemaInputs(resolved, input, { registry })).toEqual({
      storage: "one",
      more: ["two"],
    });
  });

  it("says clearly which id is unknown", async () => {
    const unknown = resolveSchemaInputs({ storage: "nobody" }, input);
    await expect(unknown).rejects.toThrow(`${kind.label} "nobody" not found in registry`);
    await expect(unknown).rejects.toBeInstanceOf(StorageValidationError);
  });
});

describe("createRepositoryRegistry", () => {
  it("makes the registry of a further kind", async () => {
    interface Shelf {
      readonly books: number;
    }
    const shelves = createRepositoryRegistry<Shelf>({
      format: "storage:shelf",
      tokenId: "storage.shelf.repositories",
      label: "Shelf",
    });
    const shelf = { books: 3 };
    shelves.register("novels", shelf);
    expect(shelves.token).toEqual(createServiceToken("storage.shelf.repositories"));
    const input = {
      type: "object",
      properties: { shelf: { type: "string", format: "storage:shelf" } },
    } as const;
    expect((await resolveSchemaInputs({ shelf: "novels" }, input)).shelf).toBe(shelf);
  });
});
