import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { HOSTILE_TEXTS, nonJsonValues, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { anHourAgo, job, stored } from "./jobs.ts";
import type { TestJob } from "./QueueSpec.ts";

/** What no job may bring, as the queue keeps it, cannot store it or knows no such thing. */
function badJobs(): readonly (readonly [what: string, job: unknown])[] {
  const withField = (field: string, value: unknown) =>
    [`${field} ${show(value)}`, { ...job(), [field]: value }] as const;
  return [
    ["undefined", undefined],
    ["null", null],
    ["a text", "job"],
    ["a list", [job()]],
    ["no input", { run_after: null, completed_at: null }],
    withField("input", undefined),
    withField("id", 1),
    withField("status", "PROCESSING"),
    withField("status", "COMPLETED"),
    withField("status", "pending"),
    withField("queue", "another"),
    withField("output", 1),
    withField("error", "broken before it began"),
    withField("completed_at", anHourAgo()),
    withField("run_attempts", 3),
    withField("worker_id", "me"),
    withField("lease_token", "mine"),
    withField("lease_instance", "mine"),
    withField("progress", 50),
    withField("max_retries", -1),
    withField("max_retries", 1.5),
    withField("max_retries", "3"),
    withField("max_retries", Number.NaN),
    withField("priority", 0.5),
    withField("priority", 2 ** 31),
    withField("priority", "high"),
    withField("timeout_ms", 0),
    withField("timeout_ms", -5),
    withField("timeout_ms", "5"),
    withField("run_after", "tomorrow"),
    withField("run_after", 5),
    withField("run_after", "2024-02-30T00:00:00Z"),
    withField("created_at", "yesterday"),
    withField("deadline_at", {}),
    withField("backoff", { baseMs: -1 }),
    withField("backoff", 5),
    withField("tags", "a"),
    withField("tags", [1]),
    withField("trace_context", { a: 1 }),
    withField("job_run_id", 5),
    withField("fingerprint", {}),
    withField("constructor", 1),
    withField("unknown", 1),
  ];
}

/** What may not be added. */
export const refusingCases: readonly Case[] = [
  {
    name: "refuses inputs that are no JSON, at any depth, and adds nothing",
    run: async (c) => {
      const queue = await c.queue();
      for (const [what, value] of nonJsonValues()) {
        await assertInvalid(() => queue.add(job(value)), what);
        await assertInvalid(() => queue.add(job({ a: [value] })), `${what} inside`);
        await assertInvalid(() => queue.addMany([job(1), job(value)]), `${what} in addMany`);
      }
      assertEqual(await queue.size(), 0, "the size");
    },
  },
  {
    name: "refuses what a new job cannot be, and adds nothing",
    run: async (c) => {
      const queue = await c.queue();
      for (const [what, value] of badJobs()) {
        await assertInvalid(() => queue.add(value as TestJob), `add() of a job with ${what}`);
        await assertInvalid(
          () => queue.addMany([job(1), value as TestJob]),
          `addMany() of a job with ${what}`,
        );
      }
      for (const list of [undefined, null, 5, "ab", { length: 1 }]) {
        await assertInvalid(() => queue.addMany(list as never), `addMany(${show(list)})`);
      }
      assertEqual(await queue.size(), 0, "the size");
    },
  },
  {
    name: "keeps hostile texts in every field of a job, and refuses what no database keeps",
    run: async (c) => {
      const queue = await c.queue();
      for (const text of HOSTILE_TEXTS) {
        const more = { job_run_id: text, fingerprint: text, tags: [text] };
        const read = await stored(queue, await queue.add(job({ [text]: text }, more)));
        assertEqual(read.input, { [text]: text }, "the input");
        assertEqual([read.job_run_id, read.fingerprint, read.tags], [text, text, [text]]);
        assertEqual((await queue.getByRunId(text)).length, 1, `the jobs of the run ${show(text)}`);
      }
      const size = await queue.size();
      for (const text of UNSTORABLE_TEXTS) {
        for (const more of [{ job_run_id: text }, { fingerprint: text }, { tags: [text] }]) {
          await assertInvalid(() => queue.add(job(1, more)), show(more));
        }
      }
      assertEqual(await queue.size(), size, "the size");
    },
  },
];
