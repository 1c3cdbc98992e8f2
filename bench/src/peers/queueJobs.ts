import type { BenchInput } from "../jobs.ts";
import type { Operation } from "../measure.ts";
import { tidy } from "../postgres/tidy.ts";

/** A queue that a round fills and drains. */
export interface QueueApi {
  /** Deletes all jobs, ended ones too. */
  clear(): Promise<unknown>;
  fill(inputs: readonly BenchInput[]): Promise<unknown>;
  /** How many jobs are still to be ended. */
  unfinished(): Promise<number>;
}

/** Fills before the clock runs; afterwards sees to it that all was done and nothing is left. */
export function drained(
  api: QueueApi,
  url: string,
  inputs: readonly BenchInput[],
  run: () => Promise<number>,
): Required<Operation> {
  return {
    prepare: async () => {
      await api.clear();
      await api.fill(inputs);
      await tidy(url);
    },
    run: async () => {
      const done = await run();
      if (done !== inputs.length) throw new Error(`${done} of ${inputs.length} jobs were done`);
      return done;
    },
    finish: async () => {
      const left = await api.unfinished();
      if (left !== 0) throw new Error(`${left} jobs were left`);
    },
  };
}
