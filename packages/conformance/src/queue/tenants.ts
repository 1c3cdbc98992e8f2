import type { PrefixColumn } from "@workglow/storage";
import { assertEqual, assertRejects, assertThrowsInvalid, eventually } from "../assert.ts";
import type { Case, CaseContext } from "../harness.ts";
import { changes, sharedTables } from "../requirements.ts";
import { HOSTILE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { claim, completed, failed, idsOf, inputsOf, job, jobs, STALE, stored } from "./jobs.ts";
import type { StoredTestJob, TestQueue } from "./QueueSpec.ts";
import { summary, watchJobs } from "./watchJobs.ts";

const PREFIXES: readonly PrefixColumn[] = [
  { name: "user_id", type: "uuid" },
  { name: "project_id", type: "number" },
];

/** A queue of one tenant; all have the same name. */
function tenant(c: CaseContext, user_id: string, project_id = 1): Promise<TestQueue> {
  const options = { prefixes: PREFIXES, prefixValues: { user_id, project_id } };
  return c.queue({ queueName: "shared", options });
}

async function oneByOne(tenants: readonly TestQueue[]): Promise<void> {
  for (const [i, queue] of tenants.entries()) {
    const id = await queue.add(job(`of ${i}`));
    await queue.complete(failed(await claim(queue)));
    await queue.delete(id);
  }
}

/** What {@link oneByOne} does for the tenant at the index. */
function changesOf(i: number): readonly string[] {
  return [
    `INSERT of ${i}:PENDING`,
    `UPDATE of ${i}:PENDING of ${i}:PROCESSING`,
    `UPDATE of ${i}:PROCESSING of ${i}:FAILED`,
    `DELETE of ${i}:FAILED`,
  ];
}

const isolationCases: readonly Case[] = [
  {
    name: "a tenant cannot see another's jobs in any way",
    run: async (c) => {
      const [mine, theirs] = [await tenant(c, "a"), await tenant(c, "b")];
      const id = await theirs.add(job("x", { job_run_id: "run", priority: 5 }));
      const done = await theirs.add(job("done", { priority: 9 }));
      await theirs.complete(completed(await claim(theirs), "secret"));
      for (const status of ["PENDING", "PROCESSING", "COMPLETED"] as const) {
        assertEqual(await mine.size(status), 0, `size("${status}")`);
        assertEqual(await mine.peek(status), [], `peek("${status}")`);
      }
      for (const one of [id, done]) assertEqual(await mine.get(one), undefined, "get()");
      assertEqual(await mine.getByRunId("run"), [], "getByRunId()");
      assertEqual(await mine.outputForInput("done"), null, "outputForInput()");
      assertEqual(await mine.next("worker"), undefined, "next()");
      assertEqual(await mine.nextMany("worker", 10), [], "nextMany()");
    },
  },
  {
    name: "a tenant cannot change another's jobs, not even with their ids and tokens",
    run: async (c) => {
      const [mine, theirs] = [await tenant(c, "a"), await tenant(c, "b")];
      await theirs.addMany(jobs(4));
      const [held, ended] = (await theirs.nextMany("worker", 2)) as StoredTestJob[];
      await theirs.complete(completed(ended as StoredTestJob));
      const all = async () =>
        Promise.all(
          (["PENDING", "PROCESSING", "COMPLETED"] as const).map((status) => theirs.peek(status)),
        );
      const before = await all();
      await withSilentLogger(async () => {
        for (const one of before.flat()) {
          await mine.abort(one.id);
          await mine.delete(one.id);
          await mine.complete(completed(one)).catch(onlyStale);
          await mine.completeMany([failed(one)]).catch(onlyStale);
          await mine.release(one).catch(onlyStale);
          const leaseToken = one.lease_token ?? "none";
          await mine.saveProgress(one.id, 9, "", null, { leaseToken }).catch(onlyStale);
        }
      });
      await mine.deleteJobsByStatusAndAge("COMPLETED", 0);
      await mine.deleteAll();
      assertEqual(await all(), before, "the other tenant's jobs");
      await theirs.complete(completed(held as StoredTestJob));
    },
  },
  {
    name: "tenants that share one value and differ in another are apart",
    run: async (c) => {
      const tenants = [await tenant(c, "a", 1), await tenant(c, "a", 2), await tenant(c, "b", 1)];
      for (const [i, queue] of tenants.entries()) await queue.add(job(i));
      for (const [i, queue] of tenants.entries()) {
        assertEqual(inputsOf(await queue.peek()), [i], `the jobs of tenant ${i}`);
        assertEqual((await claim(queue)).input, i, `the job claimed by tenant ${i}`);
        assertEqual(await queue.next("worker"), undefined, "next()");
      }
      await tenants[0]?.deleteAll();
      const sizes = await Promise.all(tenants.map((queue) => queue.size("PROCESSING")));
      assertEqual(sizes, [0, 1, 1], "the jobs by tenant");
    },
  },
  {
    name: "instances of one tenant share its jobs",
    run: async (c) => {
      const [first, second] = [await tenant(c, "a"), await tenant(c, "a")];
      const id = await first.add(job("shared"));
      const claimed = await claim(second);
      assertEqual(claimed.id, id);
      await assertRejects(() => first.release({ ...claimed, lease_token: null }), STALE, "release");
      await second.complete(completed(claimed));
      assertEqual((await stored(first, id)).status, "COMPLETED");
    },
  },
  {
    name: "a dead worker of one tenant is no matter of another's",
    run: async (c) => {
      const options = (user_id: string, leaseMs: number) => ({
        prefixes: PREFIXES,
        prefixValues: { user_id, project_id: 1 },
        leaseMs,
      });
      const dying = await c.queue({ queueName: "shared", options: options("b", 150) });
      const theirs = await c.queue({ queueName: "shared", options: options("b", 600) });
      const mine = await c.queue({ queueName: "shared", options: options("a", 150) });
      await theirs.next("theirs");
      await dying.add(job("theirs"));
      await claim(dying);
      dying.destroy();
      let again: StoredTestJob | undefined;
      await eventually(async () => {
        assertEqual(await mine.next("mine"), undefined, "what the other tenant gets");
        again = await theirs.next("theirs");
        return again !== undefined;
      }, "the tenant never got its job back");
      assertEqual(again?.run_attempts, 2, "run_attempts");
    },
  },
  {
    name: "hostile prefix values are values",
    run: async (c) => {
      const values = HOSTILE_TEXTS.filter((text) => text !== "");
      for (const [i, user_id] of values.entries()) await (await tenant(c, user_id)).add(job(i));
      for (const [i, user_id] of values.entries()) {
        const queue = await tenant(c, user_id);
        assertEqual(inputsOf(await queue.peek()), [i], `the jobs of ${show(user_id)}`);
        assertEqual(inputsOf([await claim(queue)]), [i], `the job claimed by ${show(user_id)}`);
      }
    },
  },
];

/** A tenant's call with the id of another's job finds no job, or no attempt. */
function onlyStale(error: Error): void {
  assertEqual(error.name, "StaleLeaseError", "the error's name");
}

const namingCases: readonly Case[] = [
  {
    name: "any prefix name works",
    run: async (c) => {
      const names = [
        "select",
        "camelCase",
        "with space",
        'double"quote',
        "semi;colon",
        "--",
        "'; DROP TABLE job_queue; --",
        "\u00fcml\u00e4ut",
        "\u{1f600}",
        "constructor",
        "toString",
        "rowid",
        "oid",
        "key",
        "x".repeat(63),
      ];
      for (const name of names) {
        const make = (value: string) =>
          c.queue({
            options: { prefixes: [{ name, type: "uuid" }], prefixValues: { [name]: value } },
            queueName: "shared",
          });
        const [mine, theirs] = [await make("a"), await make("b")];
        await theirs.add(job("theirs"));
        const id = await mine.add(job("mine"));
        assertEqual(idsOf(await mine.peek()), [id], `the jobs with the prefix ${show(name)}`);
        await mine.complete(completed(await claim(mine)));
        await mine.deleteAll();
        assertEqual(await theirs.size(), 1, `the other tenant's jobs with ${show(name)}`);
      }
    },
  },
  {
    name: "refuses prefix names that are empty, too long, hold NUL, repeat or are a job's field",
    run: async (c) => {
      const names = ["", "x".repeat(64), "a\0b", "\ud800", "__proto__"];
      names.push("id", "input", "status", "queue", "run_after", "lease_token", "Status", "ID");
      for (const name of names) {
        const options = { prefixes: [{ name, type: "uuid" }], prefixValues: { [name]: "a" } };
        const make = () => c.constructQueue({ options } as never);
        assertThrowsInvalid(make, `the prefix ${show(name)}`);
      }
      const twice = [...PREFIXES, PREFIXES[0] as PrefixColumn];
      const prefixValues = { user_id: "a", project_id: 1 };
      const make = () => c.constructQueue({ options: { prefixes: twice, prefixValues } });
      assertThrowsInvalid(make, "a prefix given twice");
    },
  },
  {
    name: "refuses prefix values that are missing, unknown or of another type",
    run: async (c) => {
      const bad: readonly Record<string, unknown>[] = [
        {},
        { user_id: "a" },
        { user_id: "a", project_id: 1, other: 1 },
        { user_id: 5, project_id: 1 },
        { user_id: "", project_id: 1 },
        { user_id: "a\0", project_id: 1 },
        { user_id: "a", project_id: "1" },
        { user_id: "a", project_id: 1.5 },
        { user_id: "a", project_id: Number.NaN },
        { user_id: "a", project_id: 2 ** 53 },
        { user_id: null, project_id: 1 },
      ];
      for (const prefixValues of bad) {
        const options = { prefixes: PREFIXES, prefixValues } as never;
        assertThrowsInvalid(() => c.constructQueue({ options }), show(prefixValues));
      }
    },
  },
];

const filterCases: readonly Case[] = [
  {
    name: "a subscription hears of its own tenant, of all with {}, or of those with some values",
    requires: [changes],
    run: async (c) => {
      const a1 = await tenant(c, "a", 1);
      const a2 = await tenant(c, "a", 2);
      const b1 = await tenant(c, "b", 1);
      const filters = {
        own: undefined,
        all: {},
        user: { user_id: "a" },
        project: { project_id: 1 },
        both: { user_id: "b", project_id: 1 },
        nobody: { user_id: "c" },
      } as const;
      const watched = await Promise.all(
        Object.values(filters).map((prefixFilter) =>
          watchJobs(a1, prefixFilter === undefined ? {} : { prefixFilter }),
        ),
      );
      await oneByOne([a1, a2, b1]);
      const expected = [[0], [0, 1, 2], [0, 1], [0, 2], [2], []].map((who) =>
        who.flatMap(changesOf),
      );
      for (const [i, name] of Object.keys(filters).entries()) {
        const heard = summary((await watched[i]?.next(expected[i]?.length ?? 0)) ?? []);
        assertEqual(heard, expected[i], `what the subscription "${name}" heard`);
      }
      for (const one of watched) one.stop();
    },
  },
  {
    name: "a tenant hears nothing of another unless it asks",
    requires: [changes],
    run: async (c) => {
      const [mine, theirs] = [await tenant(c, "a"), await tenant(c, "b")];
      const watched = await watchJobs(mine);
      await oneByOne([theirs]);
      await mine.add(job("mine"));
      assertEqual(summary(await watched.next(1)), ["INSERT mine:PENDING"]);
      watched.stop();
    },
  },
  {
    name: "changes carry the tenant's values",
    requires: [changes],
    run: async (c) => {
      const [mine, theirs] = [await tenant(c, "a", 1), await tenant(c, "b", 7)];
      const watched = await watchJobs(mine, { prefixFilter: {} });
      await theirs.add(job("x"));
      const [change] = await watched.next(1);
      const row = change?.new as unknown as Record<string, unknown>;
      assertEqual([row.user_id, row.project_id], ["b", 7], "the values in the change");
      watched.stop();
    },
  },
  {
    name: "refuses filters by prefixes that there are not, or values of another type",
    requires: [changes],
    run: async (c) => {
      const queue = await tenant(c, "a");
      for (const filter of [
        { other: 1 },
        { status: "PENDING" },
        { user_id: 5 },
        { project_id: "x" },
      ]) {
        const options = { prefixFilter: filter } as never;
        const subscribe = () => queue.subscribeToChanges(() => {}, options);
        assertThrowsInvalid(subscribe, `the filter ${show(filter)}`);
      }
      await queue.add(job());
      assertEqual(await queue.size(), 1, "the size");
    },
  },
];

export const tenantCases: readonly Case[] = [...isolationCases, ...namingCases, ...filterCases].map(
  (one) => ({ ...one, requires: [sharedTables, ...(one.requires ?? [])] }),
);
