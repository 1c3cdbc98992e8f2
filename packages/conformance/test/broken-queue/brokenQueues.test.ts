import {
  type Backend,
  type Case,
  queueModelSuite,
  queueSuite,
  rateLimiterSuite,
  runCase,
  type Suite,
} from "@workglow/conformance";
import type { MemoryDatabase } from "@workglow/storage";
import { describe, expect, it } from "vitest";
import { altered } from "./altered.ts";
import { BROKEN_QUEUES } from "./brokenQueues.ts";
import { BROKEN_RATE_LIMITERS } from "./brokenRateLimiters.ts";
import { makeQueue, makeRateLimiter, memoryBackend } from "./memoryBackend.ts";

function caseOf(suite: Suite, name: string): Case {
  const found = suite.cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  return found;
}

/** The case finds the defect, and finds nothing where there is none. */
async function expectFound(
  one: Case,
  broken: Backend<MemoryDatabase>,
  failsWith = "ConformanceError",
): Promise<void> {
  await runCase(one, memoryBackend() as Backend);
  const found = await runCase(one, broken as Backend).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(found?.name).toBe(failsWith);
}

describe("the job queue suite finds broken queues", () => {
  for (const { defect, foundBy, alteration, failsWith } of BROKEN_QUEUES) {
    it(defect, async () => {
      const broken = memoryBackend((database, spec) =>
        altered(makeQueue(database, spec), alteration),
      );
      await expectFound(caseOf(queueSuite, foundBy), broken, failsWith);
    });
  }

  it("jobs of all tenants are in one queue", async () => {
    const broken = memoryBackend((database, { queueName }) => makeQueue(database, { queueName }));
    const one = caseOf(queueSuite, "a tenant cannot see another's jobs in any way");
    await expectFound(one, broken);
  });

  it("the event of a job is emitted before its transaction commits", async () => {
    const broken = memoryBackend((database, spec) =>
      altered(makeQueue(database, spec), (queue) => ({
        with: (tx) =>
          altered(queue.with(tx), (inside) => ({
            add: async (job, options) => {
              const id = await inside.add(job, options);
              queue.emit("add", id);
              return id;
            },
          })),
      })),
    );
    const one = caseOf(queueSuite, "a transaction that is given up leaves no job and no event");
    await expectFound(one, broken);
  });
});

describe("the model finds broken queues", () => {
  const one = caseOf(
    queueModelSuite,
    "two workers: any calls have the effects that they have on a list",
  );
  const defects = [
    "priority is kept, but nobody looks at it",
    "a retry runs at once, whatever its run_after",
    "a released attempt is counted",
    "abort of a waiting job leaves it to be claimed",
  ];
  for (const defect of defects) {
    it(defect, async () => {
      const broken = BROKEN_QUEUES.find((queue) => queue.defect === defect);
      if (broken === undefined) throw new Error(`there is no queue with the defect "${defect}"`);
      const backend = memoryBackend((database, spec) =>
        altered(makeQueue(database, spec), broken.alteration),
      );
      await expect(runCase(one, backend as Backend)).rejects.toThrow(/Counterexample/);
    }, 60_000);
  }
});

describe("the rate limiter suite finds broken rate limiters", () => {
  for (const { defect, foundBy, alteration } of BROKEN_RATE_LIMITERS) {
    it(defect, async () => {
      const broken = memoryBackend(makeQueue, (database, spec) =>
        altered(makeRateLimiter(database, spec), alteration),
      );
      await expectFound(caseOf(rateLimiterSuite, foundBy), broken);
    });
  }

  it("tenants share their limits", async () => {
    const broken = memoryBackend(makeQueue, (database) => makeRateLimiter(database, {}));
    await expectFound(
      caseOf(rateLimiterSuite, "tenants neither count nor limit each other"),
      broken,
    );
  });
});
