import { eventually, fail } from "../assert.ts";
import { show } from "../show.ts";
import { stored } from "./jobs.ts";
import type { StoredTestJob, TestQueue } from "./QueueSpec.ts";

/** Status and error of a job that has run as often as it may. */
export const NO_ATTEMPTS_LEFT = ["FAILED", "Max retries reached"];

/** Polls as a worker does. */
export async function claimSoon(queue: TestQueue, what: string): Promise<StoredTestJob> {
  let claimed: StoredTestJob | undefined;
  await eventually(async () => {
    claimed = await queue.next("survivor");
    return claimed !== undefined;
  }, what);
  return claimed ?? fail(what);
}

/** Polls until the job stands as expected, claiming nothing. */
export async function untilStatus(
  queue: TestQueue,
  id: unknown,
  status: string,
): Promise<StoredTestJob> {
  await eventually(async () => {
    const claimed = await queue.next("survivor");
    if (claimed !== undefined) fail(`${show(claimed.input)} was claimed again`);
    return (await stored(queue, id)).status === status;
  }, `the job never became ${status}`);
  return stored(queue, id);
}
