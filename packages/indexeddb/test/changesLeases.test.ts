import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type FoundLease, sortLeases, trimEnd } from "../src/changes/leases.ts";
import { freshName, openTab, pause, putBeside, sideStore, until } from "./changesKit.ts";

const LONG_AGO = 1_000;
const ids = (count: number): readonly { id: string }[] =>
  Array.from({ length: count }, (_, at) => ({ id: `${at}` }));

/** What a subscriber of another realm leaves behind that stood at the beginning, when it dies. */
async function leaveLease(
  realm: Parameters<typeof putBeside>[0],
  holder: string,
  untilMs = LONG_AGO,
): Promise<void> {
  await putBeside(realm, { log: "ab", trimmed: 0, until: untilMs }, "watch");
  await putBeside(realm, { holder, until: untilMs, position: 0 }, ["lease", "other"]);
}

/** Shows a sign of life for somebody until the end of the test. */
async function showAlive(holder: string): Promise<() => void> {
  let letGo = (): void => {};
  await new Promise<void>((held) => {
    void navigator.locks.request(`workglow-changes:${holder}`, () => {
      held();
      return new Promise<void>((resolve) => {
        letGo = resolve;
      });
    });
  });
  onTestFinished(() => letGo());
  return letGo;
}

function withoutLocks(): void {
  vi.stubGlobal("navigator", {});
  onTestFinished(() => void vi.unstubAllGlobals());
}

describe("a subscriber that died", () => {
  it("is found by the next writer, and nothing is logged from then on", async () => {
    const { realm, notes, believes } = await openTab(freshName());
    await leaveLease(realm, "dead");
    await notes.put({ id: "a" });
    await until(async () => (await sideStore(realm)).watch === undefined);
    expect(await sideStore(realm)).toEqual({ numbers: [], leases: [], watch: undefined });
    await notes.put({ id: "b" });
    expect(believes()).toBe(false);
    expect((await sideStore(realm)).numbers).toEqual([]);
  });

  it("is found at set-up", async () => {
    const { realm, notes } = await openTab(freshName());
    await leaveLease(realm, "dead");
    await notes.setupDatabase();
    await until(async () => (await sideStore(realm)).leases.length === 0);
  });

  it("is waited for until its lease has ended", async () => {
    const { realm, notes } = await openTab(freshName());
    await leaveLease(realm, "dead", Date.now() + 60_000);
    await notes.put({ id: "a" });
    await pause(20);
    expect(await sideStore(realm)).toMatchObject({ leases: ["other"], numbers: [1] });
  });

  it("holds back no changes once another subscriber renews its lease", async () => {
    const name = freshName();
    const { realm, notes, listen } = await openTab(name, { leaseMs: 150, retainedChanges: 0 });
    await leaveLease(realm, "dead", Date.now() + 100);
    const heard = await listen();
    await notes.putBulk([...ids(20)]);
    await heard.reach(20);
    await until(async () => (await sideStore(realm)).numbers.length === 0);
    expect((await sideStore(realm)).leases).not.toContain("other");
  });
});

describe("a subscriber whose timers sleep", () => {
  it("keeps its lease as long as its lock is held", async () => {
    const { realm, notes } = await openTab(freshName(), { leaseMs: 50 });
    await leaveLease(realm, "asleep");
    const die = await showAlive("asleep");
    await notes.put({ id: "a" });
    await until(async () => ((await sideStore(realm)).watch?.until ?? 0) > LONG_AGO);
    expect(await sideStore(realm)).toMatchObject({ leases: ["other"], numbers: [1] });
    die();
    await pause(60);
    await realm.changes.table("notes").sweep();
    expect(await sideStore(realm)).toEqual({ numbers: [], leases: [], watch: undefined });
  });

  it("holds changes back, but not without end", async () => {
    const name = freshName();
    const options = { leaseMs: 90, retainedChanges: 0, sleepersChanges: 10 };
    const { realm, notes, listen } = await openTab(name, options);
    await leaveLease(realm, "asleep");
    await showAlive("asleep");
    const heard = await listen();
    await notes.putBulk([...ids(8)]);
    await heard.reach(8);
    await pause(100);
    expect((await sideStore(realm)).numbers).toHaveLength(8);
    await notes.putBulk([...ids(8)]);
    await heard.reach(16);
    await until(async () => (await sideStore(realm)).numbers.length === 10);
    expect((await sideStore(realm)).leases).toContain("other");
  });

  it("is given up when its lease has ended where there are no locks", async () => {
    withoutLocks();
    const name = freshName();
    const { realm, notes, listen } = await openTab(name, { leaseMs: 50 });
    await leaveLease(realm, "asleep");
    const heard = await listen();
    await notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
    expect((await sideStore(realm)).leases).not.toContain("other");
  });
});

describe("a connection", () => {
  const locks = async (): Promise<number> => {
    const { held = [] } = await navigator.locks.query();
    return held.filter(({ name }) => name?.startsWith("workglow-changes:")).length;
  };

  it("holds one lock as long as it has a subscriber", async () => {
    const before = await locks();
    const { realm, listen } = await openTab(freshName());
    const [one, other] = [await listen(), await listen()];
    expect(await locks()).toBe(before + 1);
    one.unsubscribe();
    await realm.changes.idle();
    expect(await locks()).toBe(before + 1);
    other.unsubscribe();
    await realm.changes.idle();
    await until(async () => (await locks()) === before);
    await listen();
    expect(await locks()).toBe(before + 1);
  });
});

describe("a lease", () => {
  it("is renewed while the subscriber lives", async () => {
    withoutLocks();
    const name = freshName();
    const watcher = await openTab(name, { leaseMs: 120 });
    const heard = await watcher.listen();
    await pause(400);
    const writer = await openTab(name);
    await writer.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("that somebody has removed brings its holder no RESYNC where the log is whole", async () => {
    const name = freshName();
    const [watcher, other] = [await openTab(name, { leaseMs: 90 }), await openTab(name)];
    const heard = await watcher.listen();
    const [lease] = (await sideStore(other.realm)).leases;
    await other.listen();
    await other.realm.write(["notes:side"], (tx) =>
      tx.delete("notes:side", ["lease", lease as string]),
    );
    await until(async () => (await sideStore(other.realm)).leases.length === 2);
    await other.notes.put({ id: "a" });
    expect(await heard.reach(1)).toEqual(["+a"]);
  });

  it("that ended with the whole log brings its holder a RESYNC", async () => {
    const name = freshName();
    const [watcher, other] = [await openTab(name, { leaseMs: 90 }), await openTab(name)];
    const heard = await watcher.listen();
    const table = other.realm.changes.table("notes");
    await other.realm.write(["notes:side"], (tx) => table.interrupt(tx));
    // Unheard, unless the watcher has found out by then.
    await other.notes.put({ id: "early" });
    expect((await heard.reach(1))[0]).toBe("RESYNC");
    await other.notes.put({ id: "a" });
    await until(() => heard.short.at(-1) === "+a");
    expect(heard.short.filter((change) => change !== "+early")).toEqual(["RESYNC", "+a"]);
  });

  it("of a subscriber that leaves is kept for a while, for it to come back", async () => {
    const { realm, notes, listen } = await openTab(freshName(), { keptMs: 60_000 });
    const heard = await listen();
    await notes.put({ id: "a" });
    await heard.reach(1);
    heard.unsubscribe();
    await realm.changes.idle();
    await notes.put({ id: "b" });
    const back = await listen({ since: heard.lastPosition });
    expect(await back.reach(1)).toEqual(["+b"]);
  });

  it("that was kept for nobody ends, and with it the log", async () => {
    const { realm, notes, listen } = await openTab(freshName(), { keptMs: 30 });
    const heard = await listen();
    await notes.put({ id: "a" });
    await heard.reach(1);
    heard.unsubscribe();
    await realm.changes.idle();
    await until(async () => (await sideStore(realm)).watch === undefined);
    expect(await sideStore(realm)).toEqual({ numbers: [], leases: [], watch: undefined });
    await notes.put({ id: "b" });
    const back = await listen({ since: heard.lastPosition });
    expect(await back.reach(1)).toEqual(["RESYNC"]);
    await notes.put({ id: "c" });
    expect(await back.reach(2)).toEqual(["RESYNC", "+c"]);
  });
});

describe("the log", () => {
  it("is trimmed behind the slowest subscriber", async () => {
    const name = freshName();
    const options = { leaseMs: 90, retainedChanges: 2 };
    const { realm, notes, listen } = await openTab(name, options);
    const quick = await listen();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let taken = 0;
    const unsubscribe = notes.subscribeToChanges(async () => {
      await held;
      taken++;
    });
    onTestFinished(unsubscribe);
    await unsubscribe.ready;
    await notes.putBulk([...ids(30)]);
    await quick.reach(30);
    await pause(120);
    expect((await sideStore(realm)).numbers).toHaveLength(30);
    release();
    await until(() => taken === 30);
    await until(async () => (await sideStore(realm)).numbers.length === 2);
    expect((await sideStore(realm)).numbers).toEqual([29, 30]);
  });

  it("that was trimmed past a position gives one RESYNC, then goes on", async () => {
    const { realm, notes, listen } = await openTab(freshName(), {
      leaseMs: 90,
      retainedChanges: 3,
    });
    const heard = await listen();
    await notes.putBulk([...ids(10)]);
    await heard.reach(10);
    await until(async () => (await sideStore(realm)).numbers.length === 3);
    const at = (index: number): string => heard.changes[index]?.position as string;
    const within = await listen({ since: at(6) });
    expect(await within.reach(3)).toEqual(["+7", "+8", "+9"]);
    const past = await listen({ since: at(5) });
    expect(await past.reach(1)).toEqual(["RESYNC"]);
    await notes.put({ id: "a" });
    expect(await past.reach(2)).toEqual(["RESYNC", "+a"]);
  });

  it("keeps its numbers going when it was trimmed to its end", async () => {
    const { realm, notes, listen } = await openTab(freshName(), {
      leaseMs: 90,
      retainedChanges: 0,
    });
    const heard = await listen();
    await notes.put({ id: "a" });
    await heard.reach(1);
    await until(async () => (await sideStore(realm)).numbers.length === 0);
    const since = heard.lastPosition;
    const other = await listen({ since });
    await notes.put({ id: "b" });
    expect(await other.reach(1)).toEqual(["+b"]);
    expect(await heard.reach(2)).toEqual(["+a", "+b"]);
  });

  it("is trimmed in steps when there is much to remove", async () => {
    const { realm, notes, listen } = await openTab(freshName(), {
      leaseMs: 6_000,
      retainedChanges: 0,
    });
    const heard = await listen();
    await notes.putBulk([...ids(11_000)]);
    await until(() => heard.changes.length === 11_000, 15_000);
    await until(async () => (await sideStore(realm)).numbers.length < 11_000);
    // All of them after one renewal, long before the next.
    await until(async () => (await sideStore(realm)).numbers.length === 0, 15_000);
  });

  it("that was trimmed past a subscriber which slept brings it a RESYNC", async () => {
    const { realm, notes, listen } = await openTab(freshName());
    const heard = await listen();
    await notes.put({ id: "a" });
    await heard.reach(1);
    const { watch } = await sideStore(realm);
    await putBeside(realm, { ...watch, trimmed: 5 }, "watch");
    await putBeside(realm, { n: { id: "f" } }, 6);
    realm.changes.table("notes").announce();
    expect(await heard.reach(2)).toEqual(["+a", "RESYNC"]);
    await notes.put({ id: "g" });
    expect(await heard.reach(3)).toEqual(["+a", "RESYNC", "+g"]);
  });
});

describe("leases", () => {
  const lease = (until: number, holder?: string, position?: number): FoundLease => ({
    subscriber: `${until}`,
    until,
    holder,
    position,
  });

  it("are living until they end, then sleeping as long as their holder exists", () => {
    const [living, sleeping, dead, kept] = [
      lease(11, "gone"),
      lease(10, "here"),
      lease(9, "gone"),
      lease(8),
    ] as const;
    const sorted = sortLeases([living, sleeping, dead, kept], 10, new Set(["here"]));
    expect(sorted).toEqual({ living: [living], sleeping: [sleeping], dead: [dead, kept] });
  });

  it.each([
    ["nobody who waits", [], [], 90],
    ["a slow subscriber", [lease(1, "a", 40)], [], 40],
    ["one that is kept for nobody in particular", [lease(1)], [], 90],
    ["a sleeper", [], [lease(1, "a", 60)], 60],
    ["a sleeper far behind", [], [lease(1, "a", 5)], 50],
    ["a slow subscriber and a sleeper far behind", [lease(1, "a", 30)], [lease(1, "b", 5)], 30],
  ])("let changes go behind %s", (_, living, sleeping, end) => {
    const retention = { retainedChanges: 10, sleepersChanges: 50 };
    expect(trimEnd({ living, sleeping, dead: [] }, 100, retention)).toBe(end);
  });
});
