import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  compactSchemaInputs,
  type DataPortSchema,
  globalServiceRegistry,
  type InputCompactor,
  type InputResolver,
  registerInputCompactor,
  registerInputResolver,
  resolveSchemaInputs,
  ServiceRegistry,
} from "../src/index.ts";

class Shelf {
  readonly id: string | undefined;

  constructor(id: string | undefined) {
    this.id = id;
  }
}

const registry = new ServiceRegistry();
const [users, docs, box] = [new Shelf("users"), new Shelf("docs"), new Shelf("box")];

const findShelf = vi.fn<InputResolver>();
const findBox = vi.fn<InputResolver>();
const nameShelf = vi.fn<InputCompactor>();

beforeEach(() => {
  findShelf.mockReset().mockImplementation(async (id) => {
    const shelf = [users, docs].find((candidate) => candidate.id === id);
    if (!shelf) throw new Error(`Shelf "${id}" not found in registry`);
    return shelf;
  });
  findBox.mockReset().mockImplementation((id) => (id === "box" ? box : undefined));
  nameShelf.mockReset().mockImplementation((shelf) => (shelf as Shelf).id);
  registerInputResolver("shelf", findShelf);
  registerInputResolver("shelf:box", findBox);
  registerInputCompactor("shelf", nameShelf);
});

const shelf = { type: "string", format: "shelf:any" } as const;

function portsOf(properties: Record<string, DataPortSchema>): DataPortSchema {
  return { type: "object", properties };
}

const cases: readonly (readonly [string, DataPortSchema, unknown, unknown])[] = [
  ["a string", portsOf({ at: shelf }), { at: "users" }, { at: users }],
  [
    "a format without a colon",
    portsOf({ at: { format: "shelf" } }),
    { at: "users" },
    { at: users },
  ],
  [
    "several properties",
    portsOf({ a: shelf, b: shelf }),
    { a: "users", b: "docs" },
    { a: users, b: docs },
  ],
  [
    "a list by its items' format",
    portsOf({ all: { type: "array", items: shelf } }),
    { all: ["users", "docs", "users"] },
    { all: [users, docs, users] },
  ],
  [
    "a list by its own format",
    portsOf({ all: { type: "array", format: "shelf:any", items: { type: "string" } } }),
    { all: ["users", "docs"] },
    { all: [users, docs] },
  ],
  [
    "a tuple",
    portsOf({
      pair: { type: "array", items: [{ type: "string" }, shelf], additionalItems: shelf },
    }),
    { pair: ["users", "users", "docs"] },
    { pair: ["users", users, docs] },
  ],
  [
    "nested objects",
    portsOf({ deep: { type: "object", properties: { er: portsOf({ at: shelf }) } } }),
    { deep: { er: { at: "docs", name: "docs" } } },
    { deep: { er: { at: docs, name: "docs" } } },
  ],
  [
    "objects in lists",
    portsOf({ list: { type: "array", items: portsOf({ at: shelf }) } }),
    { list: [{ at: "users" }, { at: "docs" }] },
    { list: [{ at: users }, { at: docs }] },
  ],
  [
    "properties by any name",
    portsOf({ byName: { type: "object", additionalProperties: shelf } }),
    { byName: { x: "users", y: "docs" } },
    { byName: { x: users, y: docs } },
  ],
  [
    "a union with null",
    portsOf({
      a: { anyOf: [shelf, { type: "null" }] },
      b: { type: ["string", "null"], format: "shelf" },
    }),
    { a: "users", b: null },
    { a: users, b: null },
  ],
  [
    "a union of one and many",
    portsOf({ a: { oneOf: [shelf, { type: "array", items: shelf }] } }),
    { a: ["users"] },
    { a: [users] },
  ],
  [
    "a union of objects, by what marks them",
    portsOf({
      target: {
        oneOf: [
          { type: "object", properties: { kind: { const: "text" }, at: { type: "string" } } },
          { type: "object", properties: { kind: { const: "shelf" }, at: shelf } },
        ],
      },
    }),
    { target: { kind: "shelf", at: "users" } },
    { target: { kind: "shelf", at: users } },
  ],
  [
    "a union of formats, by whichever knows the id",
    portsOf({ a: { anyOf: [{ format: "shelf:box" }, { format: "shelf:any" }] } }),
    { a: "users" },
    { a: users },
  ],
  ["the input itself", shelf, "docs", docs],
];

describe("resolveSchemaInputs", () => {
  test.each(cases)(
    "resolves %s, and leaves the input as it was",
    async (_name, schema, input, output) => {
      const before = structuredClone(input);
      const resolved = await resolveSchemaInputs(input, schema, { registry });
      expect(resolved).toEqual(output);
      expect(input).toEqual(before);
    },
  );

  test("prefers the exact format to the part before the colon", async () => {
    const schema = portsOf({ a: { format: "shelf:box" }, b: { format: "shelf:other" } });
    const resolved = await resolveSchemaInputs({ a: "box", b: "users" }, schema, { registry });
    expect(resolved).toEqual({ a: box, b: users });
    expect(findBox).toHaveBeenCalledWith("box", "shelf:box", registry);
    expect(findShelf).toHaveBeenCalledWith("users", "shelf:other", registry);
    expect(findShelf).toHaveBeenCalledTimes(1);
  });

  test("uses the global registry unless given another", async () => {
    await resolveSchemaInputs({ at: "users" }, portsOf({ at: shelf }));
    expect(findShelf).toHaveBeenCalledWith("users", "shelf:any", globalServiceRegistry);
  });

  test("passes instances, other formats, other types and unknown properties", async () => {
    const schema = portsOf({
      instance: shelf,
      list: { type: "array", items: shelf },
      plain: { type: "string" },
      dated: { type: "string", format: "date-time" },
      number: { type: "integer", format: "shelf" },
      literal: { anyOf: [{ const: "none" }, { enum: ["all"] }, shelf] },
      open: true,
    });
    const vector = new Float32Array([1, 2]);
    const input = {
      instance: users,
      list: [users, "docs"],
      plain: "users",
      dated: "2025-01-01",
      number: 7,
      literal: "none",
      open: { at: "users" },
      extra: vector,
    };
    const resolved = await resolveSchemaInputs<unknown>(input, schema, { registry });
    expect(resolved).toEqual({ ...input, list: [users, docs] });
    expect((resolved as typeof input).instance).toBe(users);
    expect((resolved as typeof input).extra).toBe(vector);
    expect(findShelf).toHaveBeenCalledTimes(1);
  });

  test("resolves objects whose required properties are not all there", async () => {
    const schema = { ...(portsOf({ at: shelf }) as object), required: ["at", "more"] };
    await expect(resolveSchemaInputs({ at: "users" }, schema)).resolves.toEqual({ at: users });
  });

  test("an unknown id is the resolver's own error", async () => {
    const schema = portsOf({ list: { type: "array", items: shelf } });
    await expect(
      resolveSchemaInputs({ list: ["users", "x"] }, schema, { registry }),
    ).rejects.toThrow('Shelf "x" not found in registry');
  });

  test("a resolver that finds nothing and says nothing is an error too", async () => {
    await expect(
      resolveSchemaInputs({ at: "x" }, portsOf({ at: { format: "shelf:box" } }), { registry }),
    ).rejects.toThrow('Nothing found for shelf:box "x"');
  });

  test("schemas that say nothing leave all as it is", async () => {
    const input = { at: "users", __proto__x: null };
    for (const schema of [true, false, {}, { type: "object" }] as DataPortSchema[]) {
      await expect(resolveSchemaInputs(input, schema, { registry })).resolves.toEqual(input);
    }
    await expect(resolveSchemaInputs(null, portsOf({ at: shelf }))).resolves.toBeNull();
  });

  test("names from outside cannot reach prototypes", async () => {
    const input = JSON.parse('{"__proto__":{"at":"users"},"constructor":"users"}');
    const resolved = await resolveSchemaInputs(input, portsOf({ at: shelf }), { registry });
    expect(JSON.stringify(resolved)).toBe(JSON.stringify(input));
    expect(Object.getPrototypeOf(resolved)).toBe(Object.prototype);
  });

  test("long lists of plain values are not walked through", async () => {
    const numbers = Array.from({ length: 100_000 }, (_, index) => index);
    const schema = portsOf({ numbers: { type: "array", items: { type: "number" } } });
    const resolved = await resolveSchemaInputs({ numbers }, schema, { registry });
    expect(resolved.numbers).toBe(numbers);
  });
});

describe("compactSchemaInputs", () => {
  test.each(cases)("is the way back for %s", async (_name, schema, input, output) => {
    const compacted = await compactSchemaInputs(output, schema, { registry });
    expect(compacted).toEqual(input);
  });

  test("asks with the instance, the format and the registry", async () => {
    await compactSchemaInputs({ at: users }, portsOf({ at: shelf }), { registry });
    expect(nameShelf).toHaveBeenCalledWith(users, "shelf:any", registry);
  });

  test("leaves ids and what has no id", async () => {
    const nameless = new Shelf(undefined);
    const schema = portsOf({ a: shelf, b: shelf, list: { type: "array", items: shelf } });
    const input = { a: "users", b: nameless, list: [nameless, docs] };
    const compacted = await compactSchemaInputs(input, schema, { registry });
    expect(compacted).toEqual({ a: "users", b: nameless, list: [nameless, "docs"] });
    expect(input.list[1]).toBe(docs);
  });
});
