import { StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InMemoryQueueStorage, JobStatus, type JobStorageFormat } from "../src/index.ts";

const due = { run_after: null, completed_at: null } as const;
const newQueue = () => new InMemoryQueueStorage<unknown, unknown>("mail");

async function added(job: Partial<JobStorageFormat>) {
  const queue = newQueue();
  return queue.get(await queue.add({ input: 1, ...due, ...job } as JobStorageFormat));
}

describe("a job that is added", () => {
  test("gets what its caller left open", async () => {
    expect(await added({})).toEqual({
      id: 1,
      queue: "mail",
      status: JobStatus.PENDING,
      input: 1,
      output: null,
      error: null,
      error_code: null,
      error_details: null,
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      max_retries: 10,
      priority: 0,
      created_at: expect.stringMatching(/Z$/),
      run_after: expect.stringMatching(/Z$/),
      deadline_at: null,
      last_ran_at: null,
      completed_at: null,
      run_attempts: 0,
      progress: 0,
      progress_message: "",
      progress_details: null,
      worker_id: null,
      timeout_ms: null,
      group_key: null,
      dedupe_key: null,
      trace_context: null,
      lease_token: null,
      lease_instance: null,
    });
  });

  test("keeps what its caller chose, the fields of later features included", async () => {
    const chosen = {
      job_run_id: "run 1",
      fingerprint: "mine",
      max_retries: 0,
      priority: -5,
      created_at: "2020-01-01T00:00:00.000Z",
      run_after: "2031-01-01T00:00:00.000Z",
      deadline_at: "2032-01-01T00:00:00.000Z",
      timeout_ms: 1500,
      backoff: { baseMs: 5, jitter: 0 },
      tags: ["a", "b"],
      trace_context: { traceparent: "00-1-2-03" },
    };
    expect(await added(chosen)).toMatchObject(chosen);
  });

  test("takes points in time in any ISO form, and as Date", async () => {
    const job = await added({
      run_after: "2031-01-01T02:00:00+02:00",
      created_at: new Date(0) as unknown as string,
    });
    expect(job?.run_after).toBe("2031-01-01T00:00:00.000Z");
    expect(job?.created_at).toBe("1970-01-01T00:00:00.000Z");
  });

  test("may say what a new job says anyway", async () => {
    const queue = newQueue();
    const whole = await queue.get(await queue.add({ input: 1, ...due }));
    const { id: _id, ...again } = { ...whole, fingerprint: undefined };
    expect(await queue.add(again as JobStorageFormat)).toBe(2);
  });

  test.each([
    [{ input: undefined }],
    [{ input: () => 1 }],
    [{ input: { at: new Date() } }],
    [{ input: "\0" }],
    [{ id: 7 }],
    [{ status: JobStatus.COMPLETED }],
    [{ output: 1 }],
    [{ error: "x" }],
    [{ run_attempts: 1 }],
    [{ progress: 1 }],
    [{ completed_at: "2020-01-01T00:00:00.000Z" }],
    [{ worker_id: "w" }],
    [{ lease_token: "t" }],
    [{ queue: "another" }],
    [{ colour: "red" }],
    [{ max_retries: -1 }],
    [{ max_retries: 1.5 }],
    [{ priority: 2 ** 31 }],
    [{ run_after: "tomorrow" }],
    [{ timeout_ms: 0 }],
    [{ backoff: { baseMs: -1 } }],
    [{ backoff: { speed: 1 } }],
    [{ tags: [1] }],
    [{ trace_context: { a: 1 } }],
    [{ job_run_id: "" }],
    [{ job_run_id: "x".repeat(2001) }],
    [{ fingerprint: "" }],
    [{ parent_ids: "x" }],
  ])("is refused with %o, and nothing is stored", async (wrong) => {
    const queue = newQueue();
    const job = { input: 1, ...due, ...wrong } as JobStorageFormat;
    const error = await queue.addMany([{ input: 0, ...due }, job]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StorageValidationError);
    expect((error as Error).message).toContain("mail.addMany: ");
    expect(await queue.size()).toBe(0);
  });

  test.each([[{ dedupe_key: "k" }], [{ group_key: "g" }], [{ parent_ids: [1] }]])(
    "is refused with %o, which could not act yet",
    async (field) => {
      await expect(newQueue().add({ input: 1, ...due, ...field })).rejects.toBeInstanceOf(
        StorageUnsupportedError,
      );
    },
  );

  test("is not changed, and shares nothing with the store", async () => {
    const queue = newQueue();
    const job = { input: { list: [1] }, ...due, tags: ["a"] };
    const before = structuredClone(job);
    const id = await queue.add(job);
    expect(job).toEqual(before);
    job.input.list.push(2);
    job.tags.push("b");
    const kept = { input: before.input, tags: before.tags };
    const read = await queue.get(id);
    expect(read).toMatchObject(kept);
    Object.assign(read?.input ?? {}, { list: [3] });
    expect(await queue.get(id)).toMatchObject(kept);
  });
});

describe("the fingerprint", () => {
  const fingerprint = async (input: unknown) => (await added({ input }))?.fingerprint;

  test("does not depend on the order of keys, at any depth", async () => {
    const one = await fingerprint({ a: 1, b: { c: [{ d: 1, e: 2 }], f: 2 } });
    expect(await fingerprint({ b: { f: 2, c: [{ e: 2, d: 1 }] }, a: 1 })).toBe(one);
  });

  test("is equal for equal inputs and different for others", async () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      );
    };
    const noEmptyKey = (text: string): boolean => !/"__proto__"|\\u0000/.test(text);
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue().filter((v) => noEmptyKey(JSON.stringify(v))),
        fc.jsonValue().filter((v) => noEmptyKey(JSON.stringify(v))),
        async (a, b) => {
          expect(await fingerprint(shuffled(a))).toBe(await fingerprint(a));
          const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
          expect((await fingerprint(a)) === (await fingerprint(b))).toBe(same);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("is another in another queue", async () => {
    const other = new InMemoryQueueStorage("letters");
    const job = await other.get(await other.add({ input: 1, ...due }));
    expect(job?.fingerprint).not.toBe(await fingerprint(1));
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value === 0 ? 0 : value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)) };
}
