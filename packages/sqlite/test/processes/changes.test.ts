import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CommittedChange } from "@workglow/storage";
import type Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  Collected,
  databaseFile,
  NOTES,
  type Note,
  notes,
  openFeed,
  pause,
  rawConnection,
  traces,
  until,
} from "../changeFeed.ts";

type Change = CommittedChange<Note>;

function child(program: string, ...args: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(`./${program}.child.ts`, import.meta.url));
  const started = fork(path, args.map(String), {
    execArgv: ["--conditions=@workglow/source"],
    stdio: "inherit",
  });
  onTestFinished(() => void started.kill("SIGKILL"));
  return started;
}

const exited = async (started: ChildProcess): Promise<void> => {
  if (started.exitCode === null && started.signalCode === null) await once(started, "exit");
};

/** Runs the writer to its end. */
async function write(file: string, first: number, count: number): Promise<void> {
  const writer = child("changeWriter", file, first, count);
  await exited(writer);
  expect(writer.exitCode).toBe(0);
}

/** A subscriber in a process of its own, live when this resolves. */
async function subscriber(file: string, leaseMs: number, since?: string) {
  const started = child("changeSubscriber", file, leaseMs, ...(since === undefined ? [] : [since]));
  const heard = new Collected<Note>();
  started.on("message", (message: "ready" | { change: Change }) => {
    if (message !== "ready") heard.add(message.change);
  });
  await readiness(started);
  return { started, heard };
}

/** Waits until a child says that it is ready; fails when it ends before. */
async function readiness(started: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    started.on("message", (message) => message === "ready" && resolve());
    started.once("exit", (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

function prepared(): { file: string; db: Database.Database } {
  const file = databaseFile();
  const db = rawConnection(file);
  db.exec(NOTES);
  return { file, db };
}

/** What the writer does with the numbers from `first` on, as a subscriber should hear it. */
function expected(first: number, count: number): Omit<Change, "position">[] {
  return Array.from({ length: count }, (_, i) => first + i).flatMap((n) => {
    const row = (version: number): Note => ({
      id: `n${Math.floor(n / 4)}`,
      body: `v${version}`,
      size: version,
    });
    if (n % 4 === 0) return { type: "INSERT" as const, new: row(n) };
    if (n % 4 < 3) return { type: "UPDATE" as const, old: row(n - 1), new: row(n) };
    return n % 8 === 3 ? { type: "DELETE" as const, old: row(n - 1) } : [];
  });
}

/** Applies changes to an empty table; fails where an old row is not what was there. */
function replayed(changes: readonly Change[]): Note[] {
  const rows = new Map<string, Note>();
  for (const { type, old, new: now } of changes) {
    expect(rows.get((old ?? now)?.id ?? "")).toEqual(type === "INSERT" ? undefined : old);
    if (now === undefined) rows.delete(old?.id ?? "");
    else rows.set(now.id, now);
  }
  return [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

const stored = (db: Database.Database): unknown[] =>
  db.prepare("SELECT id, body, size FROM notes ORDER BY id").all();

describe("a writer in another process", () => {
  it("is heard: 2,000 changes, each once, in order, old and new right, by all subscribers", async () => {
    const { file, db } = prepared();
    const { feed } = openFeed(file);
    const [quick, slow] = [new Collected<Note>(), new Collected<Note>()];
    const subscriptions = [
      feed.subscribe(notes, quick.add, { pollingIntervalMs: 10 }),
      feed.subscribe(notes, slow.add, { pollingIntervalMs: 400 }),
    ];
    onTestFinished(() => {
      for (const unsubscribe of subscriptions) unsubscribe();
    });
    await Promise.all(subscriptions.map((unsubscribe) => unsubscribe.ready));
    const wanted = expected(0, 2_285);
    expect(wanted).toHaveLength(2_000);
    const elsewhere = await subscriber(file, 30_000);
    await write(file, 0, 2_285);
    await Promise.all([quick, slow, elsewhere.heard].map((heard) => heard.reach(2_000, 60_000)));
    await pause(100);
    expect(quick.plain).toEqual(wanted);
    expect(slow.changes).toEqual(quick.changes);
    expect(elsewhere.heard.changes).toEqual(quick.changes);
    expect(replayed(quick.changes)).toEqual(stored(db));
  });

  it("may be killed: what it committed is heard, nothing else, and the next writer too", async () => {
    const { file, db } = prepared();
    const { feed } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, { pollingIntervalMs: 10 });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    const writer = child("changeWriter", file, 0, 10_000_000);
    await heard.reach(500, 60_000);
    writer.kill("SIGKILL");
    await exited(writer);
    await pause(200);
    expect(replayed(heard.changes)).toEqual(stored(db));
    const before = heard.changes.length;
    expect(heard.plain).toEqual(expected(0, before * 2).slice(0, before));
    await write(file, 40_000_000, 80);
    await heard.reach(before + 70);
    expect(heard.plain.slice(before)).toEqual(expected(40_000_000, 80));
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  });

  it("does not hold up a subscription that begins meanwhile", async () => {
    const { file, db } = prepared();
    const writer = child("changeWriter", file, 0, 10_000_000);
    await until(() => stored(db).length > 20, 60_000);
    const { feed } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, { pollingIntervalMs: 10 });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await heard.reach(300, 60_000);
    writer.kill("SIGKILL");
    await exited(writer);
    await pause(100);
    // Whole from where it began: one change of the writer after the other, up to the last.
    const numbers = heard.changes.map((change) =>
      Number(change.new?.size ?? (change.old?.size ?? 0) + 1),
    );
    const [first = 0] = numbers;
    expect(heard.plain).toEqual(expected(first, numbers.at(-1)! - first + 1));
    expect(Number(db.prepare("SELECT max(size) FROM notes").pluck().get())).toBeLessThanOrEqual(
      numbers.at(-1)!,
    );
  });
});

describe("several writing processes", () => {
  it("give all subscribers in all processes the same order", async () => {
    const { file, db } = prepared();
    const { feed } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, { pollingIntervalMs: 10 });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    const elsewhere = await subscriber(file, 30_000);
    await Promise.all([0, 8_000, 16_000].map((first) => write(file, first, 800)));
    const total = expected(0, 800).length * 3;
    await Promise.all([heard.reach(total, 60_000), elsewhere.heard.reach(total, 60_000)]);
    expect(elsewhere.heard.changes).toEqual(heard.changes);
    expect(replayed(heard.changes)).toEqual(stored(db));
  });
});

describe("a subscriber in another process", () => {
  it("that is killed comes back with since and misses nothing", async () => {
    const { file, db } = prepared();
    const writing = child("changeWriter", file, 0, 6_000);
    const all: Change[] = [];
    let since: string | undefined;
    for (let life = 0; life < 4; life++) {
      const { started, heard } = await subscriber(file, 30_000, since);
      await until(() => heard.changes.length >= 200 || writing.exitCode !== null, 60_000);
      started.kill("SIGKILL");
      await exited(started);
      all.push(...heard.changes);
      since = all.at(-1)?.position;
      await pause(30);
    }
    await exited(writing);
    const { heard } = await subscriber(file, 30_000, since);
    await write(file, 8_000_000, 1);
    await until(() => heard.changes.at(-1)?.new?.id === "n2000000", 60_000);
    all.push(...heard.changes);
    expect(all.map((change) => change.type)).not.toContain("RESYNC");
    expect(new Set(all.map((change) => change.position)).size).toBe(all.length);
    const numbers = all.map((change) => Number(change.new?.size ?? Number(change.old?.size) + 1));
    expect(all.slice(0, -1).map(({ position: _, ...change }) => change)).toEqual(
      expected(numbers[0] as number, 6_000 - (numbers[0] as number)),
    );
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  });

  it("that is stopped for longer than its lease gets a RESYNC, and goes on", async () => {
    const { file, db } = prepared();
    const { started, heard } = await subscriber(file, 1_500);
    await write(file, 0, 8);
    await heard.reach(7, 60_000);
    started.kill("SIGSTOP");
    await pause(2_000);
    await openFeed(file).feed.sweep();
    expect(traces(db)).toEqual({ triggers: 0, logs: 0, leases: 0 });
    await write(file, 800, 8);
    started.kill("SIGCONT");
    await heard.reach(8, 60_000);
    await write(file, 1_600, 8);
    await heard.reach(15, 60_000);
    expect(heard.types[7]).toBe("RESYNC");
    expect(heard.plain.slice(8)).toEqual(expected(1_600, 8));
  });

  it("that crashes leaves nothing that lasts: its lease expires and the next to open cleans up", async () => {
    const { file, db } = prepared();
    const { started, heard } = await subscriber(file, 1_500);
    await write(file, 0, 8);
    await heard.reach(7, 60_000);
    started.kill("SIGKILL");
    await exited(started);
    const next = openFeed(file);
    await next.feed.sweep();
    expect(traces(db)).toEqual({ triggers: 4, logs: 1, leases: 1 });
    await pause(2_000);
    await next.feed.sweep();
    expect(traces(db)).toEqual({ triggers: 0, logs: 0, leases: 0 });
  });

  it("that leaves is told from one that stays", async () => {
    const { file, db } = prepared();
    const [leaving, staying] = [await subscriber(file, 1_500), await subscriber(file, 1_500)];
    leaving.started.send("leave");
    await exited(leaving.started);
    await pause(2_000);
    await openFeed(file).feed.sweep();
    expect(traces(db)).toEqual({ triggers: 4, logs: 1, leases: 1 });
    await write(file, 0, 8);
    await staying.heard.reach(7, 60_000);
  });
});

describe("a process that only listens", () => {
  for (const end of ["unsubscribe", "close"]) {
    it(`runs until its subscription ends: ${end}`, async () => {
      const { file, db } = prepared();
      const listener = child("changeListener", file, end);
      await readiness(listener);
      await pause(600);
      expect(listener.exitCode).toBeNull();
      db.exec("INSERT INTO notes VALUES ('a', 'x', 1)");
      await exited(listener);
      expect(listener.exitCode).toBe(0);
    });
  }
});

describe("eight processes that subscribe at once", () => {
  it("are all live, on one log, and hear the same", async () => {
    const { file, db } = prepared();
    const all = await Promise.all(Array.from({ length: 8 }, () => subscriber(file, 30_000)));
    expect(traces(db)).toEqual({ triggers: 4, logs: 1, leases: 8 });
    await write(file, 0, 80);
    await Promise.all(all.map(({ heard }) => heard.reach(70, 60_000)));
    for (const { heard } of all) expect(heard.changes).toEqual(all[0]?.heard.changes);
    expect(all[0]?.heard.plain).toEqual(expected(0, 80));
  });
});
