import * as fc from "fast-check";
import type { Case, CaseContext, Suite } from "../harness.ts";
import { untilLate } from "../model/runs.ts";
import { sharedTables, writable } from "../requirements.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { type Step, step } from "./modelSteps.ts";
import { QueueComparison } from "./QueueComparison.ts";
import type { TestQueue } from "./QueueSpec.ts";
import { queueStorage } from "./queueRequirements.ts";

/** After so long no further run is begun. */
const TIME_LIMIT_MS = 12_000;

/** Drives a fresh queue and the model through the steps. */
async function follow(c: CaseContext, steps: readonly Step[], workers: number): Promise<void> {
  const queueName = c.freshTable();
  const queues: TestQueue[] = [];
  for (let i = 0; i < workers; i++) queues.push(await c.queue({ queueName }));
  try {
    const comparison = new QueueComparison(queues);
    for (const next of steps) await comparison.take(next);
  } finally {
    await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
  }
}

function randomCase(workers: number): Pick<Case, "run" | "timeoutMs"> {
  return {
    timeoutMs: 60_000,
    run: async (c) => {
      const steps = fc.array(step, { minLength: 10, maxLength: 60, size: "max" });
      await withSilentLogger(() =>
        fc.assert(
          fc.asyncProperty(
            steps,
            untilLate(TIME_LIMIT_MS, (all) => follow(c, all, workers)),
          ),
          { numRuns: 40 },
        ),
      );
    },
  };
}

/** Random operations on a queue, compared step by step with an obviously right one. */
export const queueModelSuite: Suite = {
  name: "job queue beside a model",
  requires: [queueStorage, writable],
  cases: [
    { name: "one worker: any calls have the effects that they have on a list", ...randomCase(1) },
    {
      name: "two workers: any calls have the effects that they have on a list",
      requires: [sharedTables],
      ...randomCase(2),
    },
  ],
};
