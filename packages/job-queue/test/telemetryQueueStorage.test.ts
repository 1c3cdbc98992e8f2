import { trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { type Backend, queueSuite } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import type { MemoryDatabase } from "@workglow/storage";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  InMemoryQueueStorage,
  type IQueueStorage,
  JobStatus,
  TelemetryQueueStorage,
} from "../src/index.ts";
import { memoryQueueBackend } from "./memoryQueueBackend.ts";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

beforeAll(() => provider.register());
beforeEach(() => exporter.reset());
afterAll(async () => {
  trace.disable();
  await provider.shutdown();
});

const secret = "a value that no span may hold";
const job = { input: secret, run_after: null, completed_at: null };
const spans = () => exporter.getFinishedSpans();

describe("a queue with telemetry", () => {
  test("makes one span of each operation, by the conventions for databases", async () => {
    const queue: IQueueStorage = new TelemetryQueueStorage(
      "letters",
      new InMemoryQueueStorage("mail"),
    );
    await queue.setupDatabase();
    await queue.addMany([job, job]);
    const claimed = await queue.next("worker");
    if (claimed === undefined) throw new Error("there was no job");
    await queue.saveProgress(claimed.id, 10, secret, null);
    await queue.complete({ ...claimed, status: JobStatus.COMPLETED, output: secret });
    await queue.completeMany([]);
    await queue.release((await queue.nextMany("worker", 5))[0] ?? job);
    await queue.get(claimed.id);
    await queue.peek();
    await queue.size();
    await queue.getByRunId("run");
    await queue.outputForInput(secret);
    await queue.abort(claimed.id);
    await queue.delete(claimed.id);
    await queue.deleteJobsByStatusAndAge(JobStatus.FAILED, 0);
    await queue.deleteAll();
    await queue.add(job);
    expect(spans().map(({ name }) => name)).toEqual(
      [
        "setupDatabase",
        "addMany",
        "next",
        "saveProgress",
        "complete",
        "completeMany",
        "nextMany",
        "release",
        "get",
        "peek",
        "size",
        "getByRunId",
        "outputForInput",
        "abort",
        "delete",
        "deleteJobsByStatusAndAge",
        "deleteAll",
        "add",
      ].map((operation) => `${operation} letters`),
    );
    expect(spans()[1]?.attributes).toEqual({
      "db.system.name": "memory",
      "db.collection.name": "letters",
      "db.operation.name": "addMany",
      "db.operation.batch.size": 2,
    });
    expect(JSON.stringify(spans().map((span) => [span.attributes, span.events]))).not.toContain(
      secret,
    );
    await queue[Symbol.asyncDispose]();
  });

  test("says what failed, by the error's name", async () => {
    const queue = new TelemetryQueueStorage("letters", new InMemoryQueueStorage("mail"));
    await expect(queue.nextMany("worker", 0)).rejects.toThrow();
    expect(spans()[0]?.attributes["error.type"]).toBe("StorageInvalidLimitError");
    expect(() => queue.subscribeToChanges("x" as never)).toThrow();
    expect(queue.queueName).toBe("mail");
  });
});

const tracedBackend = {
  ...memoryQueueBackend,
  name: "memory with telemetry",
  queue: (database, spec) =>
    new TelemetryQueueStorage(spec.queueName, memoryQueueBackend.queue(database, spec)),
} satisfies Backend<MemoryDatabase>;

describeSuite(queueSuite, tracedBackend);
