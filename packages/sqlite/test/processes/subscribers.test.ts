import type { QueueChangePayload, StoredJob } from "@workglow/job-queue";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { kept, opened, scratchFile, until } from "./scratch.ts";

const job = (input: string) => ({ input, run_after: null, completed_at: null });

/** A change in short: type, and input and status before and after. */
function short({ type, old, new: next }: QueueChangePayload<string, string>): string {
  const part = (one: StoredJob | undefined) =>
    one === undefined ? "" : ` ${one.input}:${one.status}`;
  return `${type}${part(old)}${part(next)}`;
}

const CHANGES_OF = (input: string): string[] => [
  `INSERT ${input}:PENDING`,
  `UPDATE ${input}:PENDING ${input}:PROCESSING`,
  `UPDATE ${input}:PROCESSING ${input}:PROCESSING`,
  `UPDATE ${input}:PROCESSING ${input}:COMPLETED`,
  `DELETE ${input}:COMPLETED`,
];

describe("a subscriber and the processes that work on its queue", () => {
  it("hears every step of every job, each job's in order, from all of them", async () => {
    const file = scratchFile();
    const queue = kept(new SqliteQueueStorage<string, string>(opened(file), "letters"));
    await queue.setupDatabase();
    const heard: QueueChangePayload<string, string>[] = [];
    const unsubscribe = queue.subscribeToChanges((change) => void heard.push(change), {
      pollingIntervalMs: 20,
    });
    await unsubscribe.ready;
    const workers = [new Child("letters", file, "a", 30), new Child("letters", file, "b", 30)];
    await Promise.all(workers.map((worker) => worker.exited()));
    await queue.add(job("end"));
    await until(() => heard.at(-1)?.new?.input === "end", "the last change");
    unsubscribe();
    const names = ["a", "b"].flatMap((name) => Array.from({ length: 30 }, (_, i) => `${name}${i}`));
    expect(heard).toHaveLength(names.length * 5 + 1);
    for (const name of names) {
      const own = heard.filter((change) => (change.new ?? change.old)?.input === name);
      expect(own.map(short)).toEqual(CHANGES_OF(name));
      // Each change begins where the one before it ended.
      for (let i = 1; i < own.length; i++) expect(own[i]?.old).toEqual(own[i - 1]?.new);
    }
  });
});
