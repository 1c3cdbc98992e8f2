import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, test, vi } from "vitest";
import { StorageConflictError, storageSpanAttributes, withSpan } from "../src/index.ts";

const attributes = storageSpanAttributes({
  system: "sqlite",
  collection: "users",
  operation: "put",
});

function startTracing(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  return exporter;
}

afterEach(() => {
  trace.disable();
  context.disable();
});

describe("withSpan", () => {
  test("without a provider is the call itself", async () => {
    const makeAttributes = vi.fn(() => attributes);
    const promise = Promise.resolve("done");
    const fn = vi.fn(() => promise);
    expect(withSpan({ name: "put users", attributes: makeAttributes }, fn)).toBe(promise);
    expect(fn).toHaveBeenCalledWith(undefined);
    expect(makeAttributes).not.toHaveBeenCalled();
  });

  test("records a client span with name and attributes", async () => {
    const exporter = startTracing();
    await expect(withSpan({ name: "put users", attributes }, async () => 1)).resolves.toBe(1);
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({ name: "put users", kind: SpanKind.CLIENT, events: [] });
    expect(span?.attributes).toEqual({
      "db.system.name": "sqlite",
      "db.collection.name": "users",
      "db.operation.name": "put",
    });
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });

  test("makes attributes only for who traces, and lets the call add more", async () => {
    const exporter = startTracing();
    await withSpan({ name: "get", attributes: () => ({ a: 1 }) }, async (span) => {
      span?.setAttribute("b", 2);
    });
    expect(exporter.getFinishedSpans()[0]?.attributes).toEqual({ a: 1, b: 2 });
  });

  test("nests spans of the calls inside", async () => {
    const exporter = startTracing();
    await withSpan({ name: "outer" }, async () => {
      await Promise.resolve();
      await withSpan({ name: "inner" }, async () => {});
    });
    const [inner, outer] = exporter.getFinishedSpans();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  });

  test("records the message of a storage error, and throws it on", async () => {
    const exporter = startTracing();
    const error = new StorageConflictError("the key exists").locate("users", "insert");
    await expect(withSpan({ name: "insert" }, () => Promise.reject(error))).rejects.toBe(error);
    const [span] = exporter.getFinishedSpans();
    expect(span?.status).toEqual({
      code: SpanStatusCode.ERROR,
      message: "users.insert: the key exists",
    });
    expect(span?.attributes["error.type"]).toBe("StorageConflictError");
    expect(span?.events[0]?.attributes).toMatchObject({
      "exception.type": "StorageConflictError",
      "exception.message": "users.insert: the key exists",
    });
  });

  test.each([
    [new RangeError("card 4711 declined"), "RangeError"],
    ["card 4711 declined", "string"],
    [{ message: "card 4711 declined" }, "object"],
  ])("keeps what other errors say out of the trace: %o", async (error, type) => {
    const exporter = startTracing();
    const fail = async () => {
      throw error;
    };
    await expect(withSpan({ name: "put" }, fail)).rejects.toBe(error);
    const [span] = exporter.getFinishedSpans();
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes["error.type"]).toBe(type);
    expect(JSON.stringify([span?.status, span?.attributes, span?.events])).not.toContain("4711");
  });

  test("ends the span when the call throws at once", async () => {
    const exporter = startTracing();
    const fail = () => {
      throw new Error("at once");
    };
    await expect(withSpan({ name: "put" }, fail)).rejects.toThrow("at once");
    expect(exporter.getFinishedSpans()).toHaveLength(1);
  });

  test("uses a tracer that is given, provider or not", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    await withSpan({ name: "put", tracer: provider.getTracer("mine") }, async () => {});
    expect(exporter.getFinishedSpans()[0]?.instrumentationScope.name).toBe("mine");
  });
});

describe("storageSpanAttributes", () => {
  test("has only what is known, and a batch size only from two on", () => {
    expect(storageSpanAttributes({ system: "memory" })).toEqual({ "db.system.name": "memory" });
    for (const batchSize of [0, 1]) {
      expect(storageSpanAttributes({ system: "memory", batchSize })).toEqual({
        "db.system.name": "memory",
      });
    }
    expect(storageSpanAttributes({ system: "memory", batchSize: 2 })).toEqual({
      "db.system.name": "memory",
      "db.operation.batch.size": 2,
    });
  });
});
