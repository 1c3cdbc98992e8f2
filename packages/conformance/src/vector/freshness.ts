import { assertEqual, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import {
  otherProcess,
  persistence,
  secondConnection,
  sharedTables,
  transactions,
} from "../requirements.ts";
import { QUERY, search } from "./searchOne.ts";
import { chunk, chunks } from "./tables.ts";

export const freshnessCases: readonly Case[] = [
  {
    name: "a search sees every write made before it",
    run: async (c) => {
      const storage = await c.vector(chunks);
      assertEqual(await search(storage), [], "at first");
      await storage.put(chunk("a", [1, 0, 0]));
      assertEqual(await search(storage), ["a"], "after put");
      await storage.putBulk([chunk("b", [1, 1, 0]), chunk("c", [1, 2, 0])]);
      assertEqual(await search(storage), ["a", "b", "c"], "after putBulk");
      await storage.insert(chunk("d", [1, 0.5, 0]));
      assertEqual(await search(storage), ["a", "d", "b", "c"], "after insert");
      await storage.update({ id: "a" }, { vector: new Float32Array([-1, 0, 0]) });
      assertEqual(await search(storage), ["d", "b", "c", "a"], "after update of a vector");
      await storage.update({ id: "d" }, { note: "n" });
      assertEqual((await storage.similaritySearch(QUERY))[0]?.note, "n", "the note after update");
      await storage.put(chunk("c", [1, 0, 0]));
      assertEqual(await search(storage), ["c", "d", "b", "a"], "after put over a row");
      await storage.delete({ id: "d" });
      assertEqual(await search(storage), ["c", "b", "a"], "after delete");
      await storage.deleteSearch({ id: { operator: ">", value: "b" } });
      assertEqual(await search(storage), ["b", "a"], "after deleteSearch");
      await storage.deleteAll();
      assertEqual(await search(storage), [], "after deleteAll");
      const [, found] = await Promise.all([storage.put(chunk("z", [1, 0, 0])), search(storage)]);
      assertEqual(found, ["z"], "beside a put that was not awaited");
    },
  },
  {
    name: "a search in a transaction sees its writes, one outside does not until the commit",
    requires: [transactions],
    run: async (c) => {
      const storage = await c.vector(chunks);
      await storage.put(chunk("a", [1, 0, 0]));
      assertEqual(await search(storage), ["a"], "before");
      const failing = storage.transaction(async (tx) => {
        await tx.put(chunk("b", [1, 0, 0]));
        await tx.update({ id: "a" }, { vector: new Float32Array([0, 1, 0]) });
        assertEqual(await search(tx), ["b", "a"], "inside");
        throw new Error("abandoned");
      });
      const error = (await rejection(() => failing, "the transaction")) as Error;
      assertEqual(error.message, "abandoned", "the error's message");
      assertEqual(await search(storage), ["a"], "after the rollback");
      await storage.transaction(async (tx) => {
        await tx.delete({ id: "a" });
        await tx.put(chunk("c", [1, 1, 0]));
        assertEqual(await search(tx), ["c"], "inside");
      });
      assertEqual(await search(storage), ["c"], "after the commit");
    },
  },
  {
    name: "a search sees what another storage of the table wrote",
    requires: [sharedTables],
    run: async (c) => {
      const spec = { ...chunks, table: "shared" };
      const [first, second] = [await c.vector(spec), await c.vector(spec)];
      assertEqual([await search(first), await search(second)], [[], []], "at first");
      await first.put(chunk("a", [1, 0, 0]));
      assertEqual(await search(second), ["a"], "what the second found");
      await second.put(chunk("a", [0, 1, 0]));
      await second.put(chunk("b", [1, 0, 0]));
      assertEqual(await search(first), ["b", "a"], "what the first found");
    },
  },
  {
    name: "a search sees what another connection wrote",
    requires: [secondConnection],
    run: async (c) => {
      const spec = { ...chunks, table: "shared" };
      const first = await c.vector(spec);
      const second = await (await c.connect()).vector(spec);
      await first.put(chunk("a", [1, 0, 0]));
      assertEqual(
        [await search(first), await search(second)],
        [["a"], ["a"]],
        "after the first's put",
      );
      await second.put(chunk("b", [1, 0, 0.1]));
      await second.delete({ id: "a" });
      assertEqual(await search(first), ["b"], "what the first found");
    },
  },
  {
    name: "a search sees what another process wrote",
    requires: [otherProcess],
    timeoutMs: 20_000,
    run: async (c) => {
      const spec = { ...chunks, table: "shared" };
      const storage = await c.vector(spec);
      await storage.put(chunk("a", [1, 0, 0]));
      assertEqual(await search(storage), ["a"], "before");
      const calls = [
        { method: "setupDatabase", args: [] },
        { method: "put", args: [chunk("b", [1, 0, 0.1])] },
        { method: "delete", args: [{ id: "a" }] },
      ];
      await c.inOtherProcess({ kind: "vector", spec, calls });
      assertEqual(await search(storage), ["b"], "after");
    },
  },
  {
    name: "keeps its vectors over a restart",
    requires: [persistence],
    run: async (c) => {
      const spec = { ...chunks, table: "kept" };
      const row = chunk("a", [0.1, -0.2, 0.3], { text: "t" });
      await (await c.vector(spec)).put(row);
      await c.reopen();
      const storage = await c.vector(spec);
      assertEqual(await storage.getAll(), [row], "the rows");
      assertEqual(await search(storage), ["a"], "the rows found");
    },
  },
];
