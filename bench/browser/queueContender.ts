import { type BenchInput, benchInputs } from "../src/jobs.ts";
import { type Contender, concurrently, type Operation } from "../src/measure.ts";
import { watchTransactions } from "./watchTransactions.ts";

/** A queue that a round fills and drains. Its writes resolve when their transaction is complete. */
export interface BrowserQueue {
  /** Deletes all jobs, ended ones too. */
  clear(): Promise<unknown>;
  /** Adds all jobs or none. */
  fill(inputs: readonly BenchInput[]): Promise<unknown>;
  /** Claims the first job and completes it; gives its input, none when no job is ready. */
  nextAndComplete(): Promise<BenchInput | undefined>;
  /** The same for up to `most` jobs, in one call each way; gives how many those were. */
  nextAndCompleteMany?(most: number): Promise<number>;
  /** How many jobs are still to be ended. */
  unfinished(): Promise<number>;
  /** Closes it and deletes its database. */
  close(): Promise<unknown>;
}

const AT_ONCE = 32;
const BATCH = 64;
const FEW = benchInputs(150);
const MANY = benchInputs(1_000);

export async function queueContender(name: string, queue: BrowserQueue): Promise<Contender> {
  await assertWorks(name, queue);
  const { nextAndCompleteMany } = queue;
  const one = async (): Promise<void> => {
    if ((await queue.nextAndComplete()) === undefined) throw new Error(`${name}: a job is missing`);
  };
  const inBatches = async (next: (most: number) => Promise<number>): Promise<number> => {
    for (let done = 0; ; ) {
      const ended = await next(BATCH);
      if (ended === 0) return done;
      done += ended;
    }
  };
  return {
    name,
    operations: {
      "add 1,000 in bulk": {
        prepare: () => queue.clear(),
        run: async () => {
          await queue.fill(MANY);
          return MANY.length;
        },
      },
      "next + complete": drained(queue, FEW, () => concurrently(FEW.length, 1, one)),
      "next + complete, 32 at once": drained(queue, MANY, () =>
        concurrently(MANY.length, AT_ONCE, one),
      ),
      ...(nextAndCompleteMany && {
        "next + complete, batches of 64": drained(queue, MANY, () =>
          inBatches(nextAndCompleteMany),
        ),
      }),
    },
    close: async () => {
      await queue.close();
    },
  };
}

/** Fills before the clock runs; afterwards sees to it that all was done and nothing is left. */
function drained(
  queue: BrowserQueue,
  inputs: readonly BenchInput[],
  run: () => Promise<number>,
): Operation {
  return {
    prepare: async () => {
      await queue.clear();
      await queue.fill(inputs);
    },
    run: async () => {
      const done = await run();
      if (done !== inputs.length) throw new Error(`${done} of ${inputs.length} jobs were done`);
      return done;
    },
    finish: async () => {
      const left = await queue.unfinished();
      if (left !== 0) throw new Error(`${left} jobs were left`);
    },
  };
}

/** Jobs come in the order in which they were added, once each, however many ask at once. */
async function assertWorks(name: string, queue: BrowserQueue): Promise<void> {
  const inputs = benchInputs(AT_ONCE);
  const watched = await watchTransactions(() => queue.fill(inputs));
  const first = await watchTransactions(() => queue.nextAndComplete());
  if (watched.unfinishedWrites + first.unfinishedWrites > 0) {
    throw new Error(`${name} resolved before its transaction was complete`);
  }
  if (first.durabilities.has("strict")) throw new Error(`${name} waits for the disk`);
  if (first.result?.text !== inputs[0]?.text) throw new Error(`${name} gave another job first`);
  const others = await Promise.all(inputs.slice(1).map(() => queue.nextAndComplete()));
  const given = new Set([first.result, ...others].map((input) => input?.n));
  if (given.size !== inputs.length || given.has(undefined)) {
    throw new Error(`${name} gave ${given.size} jobs for ${inputs.length}`);
  }
  if ((await queue.unfinished()) !== 0) throw new Error(`${name} left jobs`);
  if ((await queue.nextAndComplete()) !== undefined) throw new Error(`${name} gave a job twice`);
}
