import type { Transaction } from "@workglow/storage";
import { expectTypeOf, test } from "vitest";
import {
  InMemoryQueueStorage,
  type IQueueStorage,
  type JobStatus,
  type JobStorageFormat,
  QUEUE_STORAGE,
  type StoredJob,
  TelemetryQueueStorage,
} from "../src/index.ts";

type Mail = { readonly to: string };
type Receipt = { readonly sent: boolean };

test("a queue knows its inputs and outputs", () => {
  const queue = new InMemoryQueueStorage<Mail, Receipt>("mail");
  expectTypeOf(queue).toExtend<IQueueStorage<Mail, Receipt>>();
  expectTypeOf(queue.next("w")).resolves.toEqualTypeOf<StoredJob<Mail, Receipt> | undefined>();
  expectTypeOf(queue.outputForInput({ to: "a" })).resolves.toEqualTypeOf<Receipt | null>();
  // @ts-expect-error another input
  void queue.add({ input: 1, run_after: null, completed_at: null });
  expectTypeOf<Transaction>().toExtend<NonNullable<Parameters<typeof queue.add>[1]>["tx"]>();
});

test("a stored job has everything that the queue keeps, and can be given back to it", () => {
  expectTypeOf<StoredJob<Mail, Receipt>>().toExtend<JobStorageFormat<Mail, Receipt>>();
  expectTypeOf<StoredJob["run_attempts"]>().toEqualTypeOf<number>();
  expectTypeOf<StoredJob["run_after"]>().toEqualTypeOf<string>();
  expectTypeOf<StoredJob["status"]>().toEqualTypeOf<JobStatus>();
  expectTypeOf<StoredJob["tags"]>().toEqualTypeOf<readonly string[] | undefined>();
});

test("any queue serves where none in particular is asked for", () => {
  expectTypeOf<IQueueStorage<Mail, Receipt>>().toExtend<IQueueStorage>();
  expectTypeOf(QUEUE_STORAGE.service).toEqualTypeOf<IQueueStorage | undefined>();
  const traced = new TelemetryQueueStorage("t", new InMemoryQueueStorage<Mail, Receipt>());
  expectTypeOf(traced).toExtend<IQueueStorage<Mail, Receipt>>();
});
