import type { StoredTestJob, TestJob, TestQueue } from "@workglow/conformance";
import type { Alteration } from "./altered.ts";

/** One defect of a queue, and the case that has to find it. */
export interface BrokenQueue {
  readonly defect: string;
  readonly foundBy: string;
  /** The name of the error with which the case fails; `ConformanceError` unless given. */
  readonly failsWith?: string;
  readonly alteration: Alteration<TestQueue>;
}

/** Changes what a queue tells of its jobs, in all its answers. */
function telling(change: (job: StoredTestJob) => StoredTestJob): Alteration<TestQueue> {
  const told = (job: StoredTestJob | undefined) => job && change(job);
  return (queue) => ({
    get: async (...args) => told(await queue.get(...args)),
    next: async (...args) => told(await queue.next(...args)),
    nextMany: async (...args) => (await queue.nextMany(...args)).map(change),
    peek: async (...args) => (await queue.peek(...args)).map(change),
    getByRunId: async (...args) => (await queue.getByRunId(...args)).map(change),
  });
}

/** Changes jobs before they are added. */
function adding(change: (job: TestJob) => TestJob): Alteration<TestQueue> {
  return (queue) => ({
    add: (job, options) => queue.add(change(job), options),
    addMany: (jobs, options) => queue.addMany(jobs.map(change), options),
  });
}

/** Does to several jobs what it does to one. */
function ending(
  complete: (queue: TestQueue, job: TestJob) => Promise<void>,
): Alteration<TestQueue> {
  return (queue) => ({
    complete: (job) => complete(queue, job),
    completeMany: async (jobs) => {
      for (const job of jobs) await complete(queue, job);
    },
  });
}

const claims: readonly BrokenQueue[] = [
  {
    defect: "a job is claimed twice when two ask at once",
    foundBy: "claims made at once give the jobs in order, each to one call",
    alteration: (queue) => {
      let underWay: ReturnType<TestQueue["next"]> | undefined;
      return {
        next: (workerId) => {
          underWay ??= queue.next(workerId).finally(() => {
            underWay = undefined;
          });
          return underWay;
        },
      };
    },
  },
  {
    defect: "attempts are not counted",
    foundBy: "next() makes the job PROCESSING, counts the attempt and records the worker",
    alteration: telling((job) => ({ ...job, run_attempts: 0 })),
  },
  {
    defect: "run_after is ignored",
    foundBy: "leaves a job alone until its run_after",
    alteration: adding((job) => ({ ...job, run_after: null })),
  },
  {
    defect: "priority is kept, but nobody looks at it",
    foundBy: "claims by priority, higher first, then by run_after, then by id",
    alteration: (queue) => {
      const priorities = new Map<unknown, number>();
      const told = (job: StoredTestJob): StoredTestJob => ({
        ...job,
        priority: priorities.get(job.id) ?? 0,
      });
      return {
        ...telling(told)(queue),
        add: async (job, options) => {
          const id = await queue.add({ ...job, priority: 0 }, options);
          priorities.set(id, job.priority ?? 0);
          return id;
        },
      };
    },
  },
  {
    defect: "nextMany gives its jobs in another order",
    foundBy: "nextMany() claims up to its limit, each as an attempt of its own",
    alteration: (queue) => ({
      nextMany: async (...args) => (await queue.nextMany(...args)).reverse(),
    }),
  },
  {
    defect: "one claim more than nextMany was asked for",
    foundBy: "nextMany() claims up to its limit, each as an attempt of its own",
    alteration: (queue) => ({
      nextMany: (workerId, limit, options) => queue.nextMany(workerId, limit + 1, options),
    }),
  },
];

const endings: readonly BrokenQueue[] = [
  {
    defect: "a stale completion is accepted",
    foundBy: "who lost the job to another can neither end it nor report on it",
    alteration: (queue) =>
      ending((inner, job) => inner.complete(job).catch(() => undefined))(queue),
  },
  {
    defect: "a completion needs the job's id only, not its attempt",
    foundBy: "a made-up token holds nothing",
    alteration: ending(async (queue, job) => {
      const { lease_token = null } = (await queue.get(job.id)) ?? {};
      await queue.complete({ ...job, lease_token });
    }),
  },
  {
    defect: "one stale job keeps the others of completeMany from ending",
    foundBy: "completeMany() ends what is held even where some is not, and tells",
    alteration: (queue) => ({
      completeMany: async (jobs) => {
        for (const job of [...jobs].reverse()) await queue.complete(job);
      },
    }),
  },
  {
    defect: "a retry runs at once, whatever its run_after",
    foundBy: "a retry keeps the given run_after",
    alteration: ending((queue, job) =>
      queue.complete(job.status === "PENDING" ? { ...job, run_after: null } : job),
    ),
  },
  {
    defect: "the error of a job without attempts left is its last one",
    foundBy: "a job runs at most 1 + max_retries times, then it is FAILED: Max retries reached",
    alteration: telling((job) =>
      job.error === "Max retries reached" ? { ...job, error: "no answer" } : job,
    ),
  },
  {
    defect: "repeating a completion is an error",
    foundBy: "repeating complete() with the token that ended the job succeeds and changes nothing",
    failsWith: "Error",
    alteration: (queue) => {
      const ended = new Set<unknown>();
      return {
        complete: async (job) => {
          if (ended.has(job.lease_token)) throw new Error("the attempt has ended");
          await queue.complete(job);
          ended.add(job.lease_token);
        },
      };
    },
  },
  {
    defect: "a released attempt is counted",
    foundBy: "a released attempt is not counted, however often it is released",
    alteration: (queue) => ({
      release: (job) => queue.complete({ ...job, status: "PENDING" }),
    }),
  },
  {
    defect: "a released job goes to the end of the line",
    foundBy: "release() gives a job back as if it had not been claimed",
    alteration: (queue) => ({
      release: (job) => queue.complete({ ...job, status: "PENDING", run_after: null }),
    }),
  },
  {
    defect: "a completion of a missing job is silent",
    foundBy: "complete() of a job that does not exist warns and changes nothing",
    alteration: (queue) => ({
      complete: async (job) => {
        if ((await queue.get(job.id)) !== undefined) await queue.complete(job);
      },
    }),
  },
  {
    defect: "abort of a finished job changes it",
    foundBy: "abort() leaves a finished job alone",
    alteration: (queue) => {
      const aborted = new Set<unknown>();
      const told = (job: StoredTestJob): StoredTestJob =>
        aborted.has(job.id) ? { ...job, status: "FAILED" } : job;
      return {
        ...telling(told)(queue),
        abort: async (id) => {
          if ((await queue.get(id))?.completed_at) aborted.add(id);
          await queue.abort(id);
        },
      };
    },
  },
  {
    defect: "abort of a waiting job leaves it to be claimed",
    foundBy: "abort() of a PENDING job makes it FAILED, due or not",
    alteration: (queue) => ({
      abort: async (id) => {
        if ((await queue.get(id))?.status !== "PENDING") await queue.abort(id);
      },
    }),
  },
  {
    defect: "whoever knows the id saves progress",
    foundBy: "only the holder of the attempt saves progress",
    alteration: (queue) => ({
      saveProgress: async (id, progress, message, details) => {
        const leaseToken = (await queue.get(id))?.lease_token ?? "";
        await queue.saveProgress(id, progress, message, details, { leaseToken });
      },
    }),
  },
];

const leases: readonly BrokenQueue[] = [
  {
    defect: "a worker that starts gives back what others hold",
    foundBy: "a worker that starts takes nothing from those at work",
    alteration: (queue) => ({
      setupDatabase: async () => {
        await queue.setupDatabase();
        for (const job of await queue.peek("PROCESSING")) await queue.release(job);
      },
    }),
  },
  {
    defect: "nobody takes the jobs of the dead",
    foundBy: "the job of a worker that died goes to another, and the lost attempt counts",
    // The lease is renewed although its owner is gone.
    alteration: () => ({ destroy: () => {} }),
  },
  {
    defect: "an attempt may take any time",
    foundBy: "an attempt past its timeout_ms goes to another worker, and the late one is refused",
    alteration: adding(({ timeout_ms: _, ...job }) => job as TestJob),
  },
];

const reads: readonly BrokenQueue[] = [
  {
    defect: "the output 0 becomes null",
    foundBy: "outputForInput() gives every output as it was: 0, false, empty text and all others",
    alteration: (queue) => ({
      outputForInput: async (input) => (await queue.outputForInput(input)) || null,
    }),
  },
  {
    defect: "fingerprints are by reference: an equal input is another one",
    foundBy: "the same input has the same fingerprint in every instance and after a change",
    alteration: (queue) => {
      const known = new Map<unknown, string>();
      const printOf = (input: unknown): string => {
        const print = known.get(input) ?? `print ${known.size}`;
        known.set(input, print);
        return print;
      };
      return adding((job) => ({ fingerprint: printOf(job.input), ...job }))(queue);
    },
  },
  {
    defect: "fingerprints mind the order of keys",
    foundBy: "outputForInput() does not mind the order of keys, at any depth",
    alteration: (queue) => ({
      ...adding((job) => ({ fingerprint: `${JSON.stringify(job.input)} `, ...job }))(queue),
      outputForInput: async (input) => {
        const done = await queue.peek("COMPLETED", 1_000);
        const print = `${JSON.stringify(input)} `;
        return done.findLast(({ fingerprint }) => fingerprint === print)?.output ?? null;
      },
    }),
  },
  {
    defect: "fingerprints leave nested values out",
    foundBy: "outputForInput() tells inputs apart that differ in numbers, dates, types or nesting",
    alteration: adding((job) => ({ fingerprint: `${String(job.input)} `, ...job })),
  },
  {
    defect: "add changes its argument",
    foundBy: "add and addMany never change their arguments",
    failsWith: "TypeError",
    alteration: (queue) => ({
      add: async (job, options) => {
        const id = await queue.add(job, options);
        job.id = id;
        return id;
      },
    }),
  },
  {
    defect: "results share the stored input",
    foundBy: "stores a copy: later changes of the argument or of results change nothing",
    alteration: (queue) => {
      const inputs = new Map<unknown, unknown>();
      return telling((job) => {
        if (!inputs.has(job.id)) inputs.set(job.id, job.input);
        return { ...job, input: inputs.get(job.id) };
      })(queue);
    },
  },
  {
    defect: "peek gives the jobs as they were added",
    foundBy: "claims by priority, higher first, then by run_after, then by id",
    alteration: (queue) => ({
      peek: async (...args) =>
        (await queue.peek(...args)).sort((a, b) => Number(a.id) - Number(b.id)),
    }),
  },
  {
    defect: "size counts one status only",
    foundBy: "peek() and size() tell the statuses apart",
    alteration: (queue) => ({ size: (_status, options) => queue.size("PENDING", options) }),
  },
  {
    defect: "waiting jobs are cleaned up when asked for",
    foundBy:
      "deleteJobsByStatusAndAge() refuses statuses that are not final and ages that are none",
    alteration: (queue) => ({
      deleteJobsByStatusAndAge: async (status, age) => {
        if (["COMPLETED", "FAILED", "DISABLED"].includes(status)) {
          return queue.deleteJobsByStatusAndAge(status, age);
        }
        for (const { id } of await queue.peek(status)) await queue.delete(id);
      },
    }),
  },
  {
    defect: "a clean-up minds the status and not the age",
    foundBy: "deleteJobsByStatusAndAge() removes what ended long enough ago, however old the job",
    alteration: (queue) => ({
      deleteJobsByStatusAndAge: (status, age) =>
        queue.deleteJobsByStatusAndAge(status, Math.min(age, 0)),
    }),
  },
];

const changes: readonly BrokenQueue[] = [
  {
    defect: "the change of a deletion is missing",
    foundBy: "every step of a job is told as INSERT, UPDATE or DELETE, with old and new",
    alteration: (queue) => ({
      subscribeToChanges: (callback, options) =>
        queue.subscribeToChanges((change) => {
          if (change.type !== "DELETE") return callback(change);
        }, options),
    }),
  },
  {
    defect: "changes are told without what was before",
    foundBy: "every step of a job is told as INSERT, UPDATE or DELETE, with old and new",
    alteration: (queue) => ({
      subscribeToChanges: (callback, options) =>
        queue.subscribeToChanges(({ old: _, ...change }) => callback(change), options),
    }),
  },
  {
    defect: "subscribers hear every tenant",
    foundBy: "a tenant hears nothing of another unless it asks",
    alteration: (queue) => ({
      subscribeToChanges: (callback, options) =>
        queue.subscribeToChanges(callback, { prefixFilter: {}, ...options }),
    }),
  },
  {
    defect: "callbacks are not waited for",
    foundBy: "a callback's promise is awaited before the next change",
    alteration: (queue) => ({
      subscribeToChanges: (callback, options) =>
        queue.subscribeToChanges((change) => void callback(change), options),
    }),
  },
  {
    defect: "the event of a completion is missing",
    foundBy: "emits what this instance did, with its arguments",
    alteration: (queue) => ({
      on: (name, fn) => {
        if (name !== "complete") queue.on(name, fn);
      },
    }),
  },
];

export const BROKEN_QUEUES: readonly BrokenQueue[] = [
  ...claims,
  ...endings,
  ...leases,
  ...reads,
  ...changes,
];
