import { setTimeout as delay } from "node:timers/promises";
import { type AttributeValue, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  MemoryDatabase,
  TelemetryKvStorage,
  TelemetryTabularStorage,
  TelemetryVectorStorage,
  withTransaction,
} from "../src/index.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, secret: { type: "string" } },
  required: ["id", "secret"],
  additionalProperties: false,
} as const;
const SECRET = "must never be in a span";
const row = (id: string) => ({ id, secret: SECRET });

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

beforeAll(() => provider.register());
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
});
beforeEach(() => exporter.reset());

type Spans = {
  readonly name: string;
  readonly attributes: Record<string, AttributeValue | undefined>;
}[];
const spans = (): Spans =>
  exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes }));
const names = (): string[] => spans().map(({ name }) => name);
const attributes = (operation: string, batch?: number) => ({
  "db.system.name": "memory",
  "db.collection.name": "people",
  "db.operation.name": operation,
  ...(batch !== undefined && { "db.operation.batch.size": batch }),
});

const tabular = (database = new MemoryDatabase()) =>
  new TelemetryTabularStorage(
    "people",
    new InMemoryTabularStorage(schema, ["id"] as const, [], { database }),
  );

describe("TelemetryTabularStorage", () => {
  it("makes one span of each operation, with the stable attributes", async () => {
    const people = tabular();
    await people.setupDatabase();
    await people.put(row("a"));
    await people.putBulk([row("b"), row("c")]);
    await people.putBulk([row("d")]);
    await people.insert(row("e"));
    await people.update({ id: "a" }, { secret: "other" });
    await people.get({ id: "a" });
    await people.getMany([{ id: "a" }, { id: "b" }, { id: "c" }]);
    await people.getAll();
    await people.query({ id: "a" });
    await people.count();
    await people.size();
    await people.getBulk(0, 2);
    await people.getPage({ limit: 2 });
    await people.delete({ id: "a" });
    await people.deleteSearch({ id: "b" });
    await people.deleteAll();
    expect(spans()).toEqual(
      [
        ["setupDatabase"],
        ["put"],
        ["putBulk", 2],
        ["putBulk"],
        ["insert"],
        ["update"],
        ["get"],
        ["getMany", 3],
        ["getAll"],
        ["query"],
        ["count"],
        ["size"],
        ["getBulk"],
        ["getPage"],
        ["delete"],
        ["deleteSearch"],
        ["deleteAll"],
      ].map(([operation, batch]) => ({
        name: `${operation} people`,
        attributes: attributes(operation as string, batch as number | undefined),
      })),
    );
  });

  it("makes one span of each iteration, also of one that is left early or fails", async () => {
    const people = tabular();
    await people.putBulk([row("a"), row("b"), row("c")]);
    exporter.reset();
    expect(await Array.fromAsync(people.records(2))).toHaveLength(3);
    for await (const _ of people.pages(1)) break;
    await expect(people.records(0).next()).rejects.toMatchObject({
      name: "StorageInvalidLimitError",
    });
    expect(names()).toEqual(["records people", "pages people", "records people"]);
    expect(exporter.getFinishedSpans().map(({ status }) => status.code)).toEqual([
      SpanStatusCode.UNSET,
      SpanStatusCode.UNSET,
      SpanStatusCode.ERROR,
    ]);
  });

  it("records errors, and no values", async () => {
    const people = tabular();
    await people.put(row("a"));
    await expect(people.insert(row("a"))).rejects.toMatchObject({ name: "StorageConflictError" });
    const [, failed] = exporter.getFinishedSpans();
    expect(failed?.attributes["error.type"]).toBe("StorageConflictError");
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(
      JSON.stringify(exporter.getFinishedSpans().map((s) => [s.attributes, s.events, s.status])),
    ).not.toContain(SECRET);
  });

  it("traces the calls inside a transaction below the span of the transaction", async () => {
    const people = tabular();
    await people.transaction(async (tx) => {
      expect(tx).toBeInstanceOf(TelemetryTabularStorage);
      await tx.put(row("a"));
      await tx.transaction((inner) => inner.put(row("b")));
    });
    expect(names()).toEqual([
      "put people",
      "put people",
      "transaction people",
      "transaction people",
    ]);
    const [put, innerPut, inner, outer] = exporter.getFinishedSpans();
    expect(put?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(innerPut?.parentSpanContext?.spanId).toBe(inner?.spanContext().spanId);
  });

  it("joins a transaction of the inner storage's database", async () => {
    const database = new MemoryDatabase();
    const people = tabular(database);
    await withTransaction(database, async (tx) => {
      await people.with(tx).put(row("a"));
      throw new Error("no");
    }).catch(() => undefined);
    expect(await people.size()).toBe(0);
    expect(names()).toEqual(["put people", "size people"]);
  });

  it("traces a subscription's set-up, and delivers changes outside of it", async () => {
    const people = tabular();
    const seen: unknown[] = [];
    const unsubscribe = people.subscribeToChanges(({ new: entity }) => {
      seen.push([entity?.id, trace.getActiveSpan()]);
    });
    await unsubscribe.ready;
    await people.put(row("a"));
    await delay(0);
    unsubscribe();
    await people.put(row("b"));
    expect(seen).toEqual([["a", undefined]]);
    expect(names()).toEqual(["subscribeToChanges people", "put people", "put people"]);
    expect(() => people.subscribeToChanges(undefined as never)).toThrow("callback");
    await delay(0);
    expect(exporter.getFinishedSpans().at(-1)?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it("has the inner storage's events, schema and capabilities, and ends with it", async () => {
    const inner = new InMemoryTabularStorage(schema, ["id"] as const);
    const people = new TelemetryTabularStorage("people", inner);
    expect(people.capabilities).toBe(inner.capabilities);
    expect(people.schema).toBe(schema);
    expect(people.primaryKeyNames).toEqual(["id"]);
    const heard: string[] = [];
    people.on("put", ({ id }) => heard.push(id));
    const next = people.waitOn("put");
    await inner.put(row("a"));
    expect(heard).toEqual(["a"]);
    expect(await next).toEqual([row("a")]);
    await people[Symbol.asyncDispose]();
    await expect(inner.size()).rejects.toMatchObject({ name: "StorageClosedError" });
  });
});

describe("TelemetryKvStorage", () => {
  it("makes one span of each operation, with the stable attributes", async () => {
    const kv = new TelemetryKvStorage("people", new InMemoryKvStorage());
    await kv.setupDatabase();
    await kv.put("a", SECRET);
    await kv.putBulk([
      { key: "b", value: 1 },
      { key: "c", value: 2 },
    ]);
    await kv.get("a");
    await kv.getMany(["a", "b"]);
    await kv.has("a");
    await kv.getAll();
    await kv.size();
    expect(await Array.fromAsync(kv.keys())).toEqual(["a", "b", "c"]);
    expect(await Array.fromAsync(kv.entries({ gt: "a", limit: 1 }))).toEqual([
      { key: "b", value: 1 },
    ]);
    await kv.delete("a");
    await kv.deleteMany(["b", "c"]);
    await kv.deleteAll();
    expect(await kv.getObjectAsIdString({ b: 1, a: 2 })).toBe('{"a":2,"b":1}');
    expect(spans()).toEqual(
      [
        ["setupDatabase"],
        ["put"],
        ["putBulk", 2],
        ["get"],
        ["getMany", 2],
        ["has"],
        ["getAll"],
        ["size"],
        ["keys"],
        ["entries"],
        ["delete"],
        ["deleteMany", 2],
        ["deleteAll"],
      ].map(([operation, batch]) => ({
        name: `${operation} people`,
        attributes: attributes(operation as string, batch as number | undefined),
      })),
    );
    expect(JSON.stringify(spans())).not.toContain(SECRET);
  });
});

describe("TelemetryVectorStorage", () => {
  const vectors = {
    type: "object",
    properties: {
      id: { type: "string" },
      vector: { type: "array", format: "TypedArray:Float32Array" },
    },
    required: ["id", "vector"],
  } as const;

  it("traces searches beside everything a table does", async () => {
    const inner = new InMemoryVectorStorage(vectors, ["id"] as const, [], 2);
    const storage = new TelemetryVectorStorage("people", inner);
    expect(storage.getVectorDimensions()).toBe(2);
    await storage.put({ id: "a", vector: new Float32Array([1, 0]) });
    const [best] = await storage.similaritySearch(new Float32Array([1, 0]));
    expect(best).toMatchObject({ id: "a", score: 1 });
    expect(names()).toEqual(["put people", "similaritySearch people"]);
    expect(typeof storage.hybridSearch).toBe(
      typeof (inner as { hybridSearch?: unknown }).hybridSearch,
    );
  });

  it("has a hybrid search where the inner storage has one", async () => {
    const inner = new InMemoryVectorStorage(vectors, ["id"] as const, [], 2);
    const withText = Object.assign(inner, {
      async hybridSearch(this: unknown): Promise<unknown[]> {
        return this === inner ? [] : ["called on another object"];
      },
    });
    const storage = new TelemetryVectorStorage("people", withText as never);
    expect(await storage.hybridSearch?.(new Float32Array([1, 0]), { textQuery: SECRET })).toEqual(
      [],
    );
    expect(spans()).toEqual([
      { name: "hybridSearch people", attributes: attributes("hybridSearch") },
    ]);
  });
});
