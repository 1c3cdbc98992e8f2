import { assert, assertEqual, assertInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { jsonValues, nonJsonValues } from "../samples.ts";
import { show } from "../show.ts";
import { claim, completed, failed, job, stored } from "./jobs.ts";
import type { TestQueue } from "./QueueSpec.ts";

async function run(queue: TestQueue, input: unknown, output: unknown): Promise<unknown> {
  const id = await queue.add(job(input));
  const claimed = await claim(queue);
  assertEqual(claimed.id, id, "the claimed job");
  await queue.complete(completed(claimed, output));
  return id;
}

/** Inputs that are alike to a careless eye, and all different. */
const LOOKALIKES: readonly unknown[] = [
  1,
  "1",
  1.5,
  true,
  "true",
  null,
  "null",
  "",
  "undefined",
  [],
  {},
  [1],
  [[1]],
  ["1"],
  { a: 1 },
  { a: "1" },
  { a: [1] },
  { a: { b: 1 } },
  { a: { b: 1 }, c: 2 },
  { a: { b: 1, c: 2 } },
  { a: { c: 2 }, b: 1 },
  [{ a: 1 }, { b: 2 }],
  [{ a: 1, b: 2 }],
  [1, 2],
  [2, 1],
  [12],
  "[1,2]",
  { at: "2024-01-01T00:00:00.000Z" },
  { at: "2024-01-01T00:00:00.001Z" },
  { at: 1_704_067_200_000 },
  { n: 9_007_199_254_740_991 },
  { n: 9_007_199_254_740_990 },
  { n: 0.1 },
  { n: 0.30000000000000004 },
  { n: 0.3 },
  { n: 1e21 },
  { "a.b": 1 },
  { "a:1,b": 2 },
  { a: 1, b: 2 },
  "\u00e9",
  "e\u0301",
];

export const outputCases: readonly Case[] = [
  {
    name: "outputForInput() gives every output as it was: 0, false, empty text and all others",
    run: async (c) => {
      const queue = await c.queue();
      for (const [i, output] of jsonValues().entries()) {
        await run(queue, { i }, output);
        const found = await queue.outputForInput({ i });
        assertEqual(found, output, `the output ${show(output)}`);
      }
      for (const output of [0, false, "", null]) {
        await run(queue, { output }, output);
        assertEqual(await queue.outputForInput({ output }), output, `the output ${show(output)}`);
      }
    },
  },
  {
    name: "outputForInput() does not mind the order of keys, at any depth",
    run: async (c) => {
      const queue = await c.queue();
      await run(queue, { a: 1, b: { c: [{ d: 2, e: 3 }], f: null } }, "found");
      const reordered = { b: { f: null, c: [{ e: 3, d: 2 }] }, a: 1 };
      assertEqual(await queue.outputForInput(reordered), "found");
    },
  },
  {
    name: "outputForInput() tells inputs apart that differ in numbers, dates, types or nesting",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(LOOKALIKES.map((input) => job(input)));
      const claimed = await queue.nextMany("worker", LOOKALIKES.length);
      const prints = new Set(claimed.map(({ fingerprint }) => fingerprint));
      assertEqual(prints.size, LOOKALIKES.length, "the number of fingerprints");
      await queue.completeMany(claimed.map((one, i) => completed(one, i)));
      for (const [i, input] of LOOKALIKES.entries()) {
        assertEqual(await queue.outputForInput(input), i, `the output for ${show(input)}`);
      }
      for (const input of [0, { a: 2 }, { at: "2024-01-01" }, [1, [2]], { n: 1e22 }]) {
        assertEqual(await queue.outputForInput(input), null, `the output for ${show(input)}`);
      }
    },
  },
  {
    name: "outputForInput() wants a COMPLETED job",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job("input"));
      assertEqual(await queue.outputForInput("input"), null, "while it waits");
      const claimed = await claim(queue);
      assertEqual(await queue.outputForInput("input"), null, "while it runs");
      await queue.complete({ ...failed(claimed), output: "partial" });
      assertEqual(await queue.outputForInput("input"), null, "after it failed");
      await run(queue, "input", "whole");
      assertEqual(await queue.outputForInput("input"), "whole");
    },
  },
  {
    name: "outputForInput() gives the newest output",
    run: async (c) => {
      const queue = await c.queue();
      for (let i = 0; i < 5; i++) {
        await run(queue, { same: true }, `run ${i}`);
        assertEqual(await queue.outputForInput({ same: true }), `run ${i}`);
      }
    },
  },
  {
    name: "outputForInput() looks at its own queue only",
    run: async (c) => {
      const [mine, other] = [await c.queue(), await c.queue()];
      const ids = [await run(mine, "input", "mine"), await run(other, "input", "other")];
      assertEqual(await mine.outputForInput("input"), "mine");
      assertEqual(await other.outputForInput("input"), "other");
      const [a, b] = [await stored(mine, ids[0]), await stored(other, ids[1])];
      assert(a.fingerprint !== b.fingerprint, "both queues give the input the same fingerprint");
    },
  },
  {
    name: "a fingerprint given with the job stands for its input",
    run: async (c) => {
      const queue = await c.queue();
      const plain = await stored(queue, await queue.add(job("plain")));
      await queue.add(job({ not: "plain" }, { fingerprint: plain.fingerprint, priority: 1 }));
      await queue.add(job("named", { fingerprint: "by hand", priority: 1 }));
      const [first, named] = await queue.nextMany("worker", 2);
      await queue.completeMany([completed(first ?? job(), 1), completed(named ?? job(), 2)]);
      assertEqual(await queue.outputForInput("plain"), 1);
      assertEqual(await queue.outputForInput({ not: "plain" }), null);
      assertEqual(await queue.outputForInput("named"), null);
    },
  },
  {
    name: "the same input has the same fingerprint in every instance and after a change",
    run: async (c) => {
      const queue = await c.queue();
      const input = { list: [1] };
      const before = await stored(queue, await queue.add(job(input)));
      input.list.push(2);
      const changed = await stored(queue, await queue.add(job(input)));
      const again = await stored(queue, await queue.add(job({ list: [1] })));
      assert(
        before.fingerprint !== changed.fingerprint,
        "the changed input has the old fingerprint",
      );
      assertEqual(again.fingerprint, before.fingerprint, "the fingerprint");
    },
  },
  {
    name: "outputForInput() refuses inputs that no job can have",
    run: async (c) => {
      const queue = await c.queue();
      await assertInvalid(() => queue.outputForInput(undefined), "undefined");
      for (const [what, value] of nonJsonValues()) {
        await assertInvalid(() => queue.outputForInput(value), what);
        await assertInvalid(() => queue.outputForInput({ a: [value] }), `${what} inside`);
      }
    },
  },
];
