import { describe, expect, it, onTestFinished, vi } from "vitest";
import { freshName, openTab, pause, putBeside, sideStore, type Tab, until } from "./changesKit.ts";

/** Two tabs on one database. */
async function twoTabs(options?: Parameters<typeof openTab>[2]): Promise<readonly [Tab, Tab]> {
  const name = freshName();
  return [await openTab(name, {}, options), await openTab(name, {}, options)];
}

describe("writes of a table that nobody watches", () => {
  it("log nothing", async () => {
    const { realm, notes } = await openTab(freshName());
    await notes.put({ id: "a" });
    await notes.putBulk([{ id: "b" }, { id: "a", body: "new" }]);
    await notes.delete({ id: "b" });
    expect(await sideStore(realm)).toEqual({ numbers: [], leases: [], watch: undefined });
  });

  it("log nothing while others watch another table", async () => {
    const [watcher] = await twoTabs();
    await watcher.listen();
    const other = await openTab(freshName());
    await other.notes.put({ id: "a" });
    expect((await sideStore(other.realm)).numbers).toEqual([]);
  });
});

describe("a writer that does not know of a subscriber yet", () => {
  const ways: readonly (readonly [string, (tab: Tab) => Promise<unknown>, readonly string[]])[] = [
    ["put", ({ notes }) => notes.put({ id: "a", body: "new" }), ["~a"]],
    ["insert", ({ notes }) => notes.insert({ id: "c" }), ["+c"]],
    ["update", ({ notes }) => notes.update({ id: "a" }, { body: "new" }), ["~a"]],
    ["delete", ({ notes }) => notes.delete({ id: "a" }), ["-a"]],
    ["putBulk", ({ notes }) => notes.putBulk([{ id: "a" }, { id: "c" }]), ["~a", "+c"]],
    ["deleteSearch", ({ notes }) => notes.deleteSearch({ body: "old" }), ["-a", "-b"]],
    ["deleteAll", ({ notes }) => notes.deleteAll(), ["-a", "-b"]],
    ["transaction", ({ notes }) => notes.transaction((tx) => tx.put({ id: "c" })), ["+c"]],
    [
      "calls of one tick",
      ({ notes }) =>
        Promise.all([
          notes.put({ id: "a", body: "new" }),
          notes.get({ id: "a" }),
          notes.deleteSearch({ body: "new" }),
          notes.put({ id: "d" }),
        ]),
      ["~a", "-a", "+d"],
    ],
  ];

  it.each(ways)("delivers %s once", async (_, write, expected) => {
    const [writer, watcher] = await twoTabs();
    await writer.notes.putBulk([
      { id: "a", body: "old" },
      { id: "b", body: "old" },
    ]);
    const heard = await watcher.listen();
    expect(writer.believes()).toBe(false);
    await write(writer);
    expect(writer.believes()).toBe(true);
    expect(await heard.reach(expected.length)).toEqual(expected);
    await writer.notes.put({ id: "last" });
    expect(await heard.reach(expected.length + 1)).toEqual([...expected, "+last"]);
  });

  it("stores what it was told to, once, and gives what it would have given", async () => {
    const [writer, watcher] = await twoTabs();
    await watcher.listen();
    const events: unknown[] = [];
    writer.notes.on("put", (row) => events.push(row));
    expect(await writer.notes.put({ id: "a", body: "x" })).toEqual({ id: "a", body: "x" });
    expect(events).toEqual([{ id: "a", body: "x" }]);
    expect(await writer.notes.getAll()).toEqual([{ id: "a", body: "x" }]);
  });

  it("still refuses what cannot be", async () => {
    const [writer, watcher] = await twoTabs();
    await writer.notes.put({ id: "a" });
    const heard = await watcher.listen();
    await expect(writer.notes.insert({ id: "a" })).rejects.toMatchObject({
      name: "StorageConflictError",
    });
    await writer.notes.put({ id: "b" });
    expect(await heard.reach(1)).toEqual(["+b"]);
  });

  it("keeps the order of its calls", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    const calls: Promise<unknown>[] = [];
    for (let turn = 0; turn < 30; turn++) {
      calls.push(writer.notes.put({ id: "a", body: `${turn}` }));
      if (turn % 3 === 0) await Promise.resolve();
    }
    await Promise.all(calls);
    await heard.reach(30);
    const bodies = heard.changes.map((change) => change.new?.body);
    expect(bodies).toEqual(Array.from({ length: 30 }, (_, turn) => `${turn}`));
  });
});

describe("a transaction", () => {
  it("is delivered when it has committed, and not at all when it was rolled back", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    await writer.notes.transaction(async (tx) => {
      await tx.put({ id: "a" });
      await pause(20);
      expect(heard.short).toEqual([]);
    });
    const thrown = writer.notes.transaction(async (tx) => {
      await tx.put({ id: "b" });
      throw new Error("no");
    });
    await expect(thrown).rejects.toThrow("no");
    await writer.notes.put({ id: "c" });
    expect(await heard.reach(2)).toEqual(["+a", "+c"]);
  });

  it("does not deliver what a savepoint has taken back", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    await writer.notes.transaction(async (tx) => {
      await tx.put({ id: "a" });
      const inner = tx.transaction(async (savepoint) => {
        await savepoint.put({ id: "b" });
        await savepoint.delete({ id: "a" });
        throw new Error("no");
      });
      await expect(inner).rejects.toThrow("no");
      await tx.put({ id: "c" });
    });
    expect(await heard.reach(2)).toEqual(["+a", "+c"]);
    expect(await writer.notes.size()).toBe(2);
  });
});

describe("a subscriber in another realm", () => {
  it("is woken by a BroadcastChannel alone", async () => {
    const [writer, watcher] = await twoTabs({ backupPollingIntervalMs: 0 });
    const heard = await watcher.listen();
    await writer.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("finds by polling what a writer could not tell of", async () => {
    const [writer, watcher] = await twoTabs({ backupPollingIntervalMs: 40 });
    const heard = await watcher.listen();
    await putBeside(writer.realm, { n: { id: "a" } });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("finds it in the interval that it asked for, where that is the shorter one", async () => {
    const [writer, watcher] = await twoTabs({ backupPollingIntervalMs: 60_000 });
    const heard = await watcher.listen({ pollingIntervalMs: 40 });
    await putBeside(writer.realm, { n: { id: "a" } });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("polls where it must not use a BroadcastChannel", async () => {
    const name = freshName();
    const writer = await openTab(name);
    const watcher = await openTab(name, {}, { useBroadcastChannel: false });
    const slow = await watcher.listen({ pollingIntervalMs: 60_000 });
    await writer.notes.put({ id: "a" });
    await pause(50);
    expect(slow.short).toEqual([]);
    const quick = await watcher.listen({ pollingIntervalMs: 20 });
    await writer.notes.put({ id: "b" });
    expect(await quick.reach(1)).toEqual(["+b"]);
  });

  it.each([
    ["there is no BroadcastChannel", undefined],
    [
      "the context must not have one",
      class {
        public constructor() {
          throw new DOMException("opaque origin", "SecurityError");
        }
      },
    ],
  ])("polls where %s", async (_, replacement) => {
    vi.stubGlobal("BroadcastChannel", replacement);
    onTestFinished(() => void vi.unstubAllGlobals());
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen({ pollingIntervalMs: 20 });
    await writer.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("hears nothing of other tenants", async () => {
    const name = freshName();
    const prefixes = [{ name: "tenant", type: "uuid" }] as const;
    const tenant = (value: string) =>
      openTab(name, {}, { prefixes, prefixValues: { tenant: value } });
    const [mine, theirs] = [await tenant("mine"), await tenant("theirs")];
    const heard = await mine.listen();
    await theirs.notes.putBulk(Array.from({ length: 40 }, (_, at) => ({ id: `${at}` })));
    await mine.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
    expect(heard.changes[0]).toMatchObject({ new: { id: "a" } });
  });

  it("gets one RESYNC when the table is rewritten, and goes on", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    await writer.notes.put({ id: "a" });
    await heard.reach(1);
    const { changes } = writer.realm;
    const table = changes.table("notes");
    await writer.realm.write(["notes", "notes:side"], (tx) => table.interrupt(tx));
    table.announce();
    await heard.reach(2);
    await writer.notes.put({ id: "b" });
    expect(await heard.reach(3)).toEqual(["+a", "RESYNC", "+b"]);
  });
});

describe("a subscription", () => {
  it("of a table that does not exist is refused", async () => {
    const { realm } = await openTab(freshName());
    const missing = realm.changes
      .table("missing")
      .subscribe({ accepts: () => true, decode: (row) => row }, () => undefined);
    await expect(missing.ready).rejects.toThrow();
  });

  it("since something that is no position is refused", async () => {
    const { notes } = await openTab(freshName());
    const subscription = notes.subscribeToChanges(() => undefined, { since: "yesterday" });
    await expect(subscription.ready).rejects.toMatchObject({ kind: "invalid" });
  });

  it("goes on after its connection was closed", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    watcher.realm.close();
    await writer.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("that has ended leaves nothing to be told to its tab", async () => {
    const [writer, watcher] = await twoTabs();
    const heard = await watcher.listen();
    heard.unsubscribe();
    await watcher.realm.changes.idle();
    await writer.notes.put({ id: "a" });
    await until(async () => (await sideStore(writer.realm)).watch === undefined);
    expect(writer.believes()).toBe(false);
    expect(heard.short).toEqual([]);
  });
});
