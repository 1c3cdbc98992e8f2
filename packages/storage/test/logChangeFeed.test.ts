import { getLogger, StorageBusyError, StorageClosedError, setLogger } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type {
  ChangeLog,
  HeldTail,
  LogPage,
  LogSource,
  LogTail,
} from "../src/changes/log/ChangeLog.ts";
import { LogChangeFeed } from "../src/changes/log/LogChangeFeed.ts";
import { formatPosition, parsePosition } from "../src/changes/log/logPosition.ts";

const at = (sequence: number): string => formatPosition({ log: "f0", sequence });

type Value = string | Uint8Array;
type Source = LogSource<Value, unknown>;

/** A log in memory that fails, forgets and lapses when it is told to. */
class ScriptedLog implements ChangeLog<Value, Source> {
  public readonly leaseMs = 30_000;
  public readonly values: Value[] = [];
  public readonly limits: number[] = [];
  public readonly opened: (string | undefined)[] = [];
  public readonly released: boolean[] = [];
  public renewals: (readonly HeldTail[])[] = [];
  public lapsing = false;
  public polls = 0;
  public resync = false;
  public forgotten = false;
  public failure: Error | undefined;

  public async open(_: Source, since: string | undefined): Promise<LogTail<Value>> {
    if (this.failure !== undefined) throw this.failure;
    this.opened.push(since);
    this.forgotten = false;
    return {
      start: since ?? at(this.values.length),
      resync: this.resync,
      read: (after, limit) => this.read(after, limit),
      release: async (resumable) => void this.released.push(resumable),
    };
  }

  private async read(after: string, limit: number): Promise<LogPage<Value> | undefined> {
    if (this.failure !== undefined) throw this.failure;
    if (this.forgotten) return undefined;
    this.limits.push(limit);
    const from = parsePosition(after).sequence;
    const page = this.values.slice(from, from + limit);
    return {
      changes: page.map((value, i) => ({
        type: "INSERT",
        old: undefined,
        new: value,
        position: at(from + i + 1),
      })),
      position: at(from + page.length),
      more: from + page.length < this.values.length,
    };
  }

  public async poll(): Promise<boolean> {
    this.polls++;
    return true;
  }

  public async renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>> {
    this.renewals.push(held);
    return new Set(this.lapsing ? held.map(({ tail }) => tail) : []);
  }

  public async sweep(): Promise<void> {
    throw new StorageBusyError("locked");
  }
}

const source: Source = {
  table: "items",
  decode(value) {
    if (value === "unreadable") throw new Error("unreadable");
    return value;
  },
};

function feedOf(log: ScriptedLog): LogChangeFeed<Value, Source> {
  return new LogChangeFeed(log, (value) => value.length + 8);
}

function logged(): { warnings: unknown[]; errors: unknown[] } {
  const before = getLogger();
  const found = { warnings: [] as unknown[], errors: [] as unknown[] };
  setLogger({
    ...before,
    warn: (_, details) => void found.warnings.push(details),
    error: (_, details) => void found.errors.push(details),
  });
  onTestFinished(() => setLogger(before));
  return found;
}

async function subscribed(log: ScriptedLog, pollingIntervalMs = 100) {
  const feed = feedOf(log);
  const heard: unknown[] = [];
  const unsubscribe = feed.subscribe(
    source,
    (change) => void heard.push(change.type === "RESYNC" ? "RESYNC" : change.new),
    { pollingIntervalMs },
  );
  onTestFinished(() => unsubscribe());
  await unsubscribe.ready;
  return { feed, heard, unsubscribe };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
    }),
);
afterEach(() => void vi.useRealTimers());

describe("reading", () => {
  it("grows its pages for small values and shrinks them for large ones", async () => {
    const log = new ScriptedLog();
    const { heard } = await subscribed(log);
    for (let i = 0; i < 2_000; i++) log.values.push(`${i}`);
    await pass(100);
    expect(log.limits.slice(0, 5)).toEqual([16, 16, 64, 256, 512]);
    for (let i = 0; i < 1_200; i++) log.values.push(new Uint8Array(i < 600 ? 200_000 : 2 << 20));
    await pass(100);
    expect(heard).toHaveLength(3_200);
    expect(log.limits).toContain(5);
    expect(log.limits.at(-1)).toBe(1);
  });

  it("waits for the callback before it reads on", async () => {
    const log = new ScriptedLog();
    const feed = feedOf(log);
    let taken = 0;
    const unsubscribe = feed.subscribe(source, async () => {
      taken++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    for (let i = 0; i < 100; i++) log.values.push(`${i}`);
    await pass(5_000);
    expect(taken).toBeLessThan(10);
    expect(log.limits.length).toBeLessThan(3);
    await pass(100_000);
    expect(taken).toBe(100);
  });

  it("is for the subscribers of the table that a commit has changed", async () => {
    const log = new ScriptedLog();
    const { feed, heard } = await subscribed(log, 10_000);
    log.values.push("a");
    feed.wake("others");
    await pass(0);
    expect(heard).toEqual([]);
    feed.wake("items");
    await pass(0);
    expect(heard).toEqual(["a"]);
    log.values.push("b");
    feed.wake();
    await pass(0);
    expect(heard).toEqual(["a", "b"]);
  });

  it("reports a change that cannot be decoded, and goes on", async () => {
    const log = new ScriptedLog();
    const { errors } = logged();
    const { heard } = await subscribed(log);
    log.values.push("a", "unreadable", "b");
    await pass(100);
    expect(heard).toEqual(["a", "b"]);
    expect(errors).toHaveLength(1);
  });

  it("that fails is reported once, tried again later, and loses nothing", async () => {
    const log = new ScriptedLog();
    const { warnings } = logged();
    const { feed, heard } = await subscribed(log);
    log.values.push("a");
    log.failure = new StorageBusyError("locked");
    await pass(2_000);
    for (let i = 0; i < 5; i++) feed.wake();
    log.values.push("b");
    await pass(50);
    expect(warnings).toEqual([log.failure]);
    log.failure = undefined;
    await pass(500);
    expect(heard).toEqual(["a", "b"]);
  });

  it("that failed is tried again at a commit where nobody polls, but not at each", async () => {
    const log = new ScriptedLog();
    logged();
    const { feed, heard } = await subscribed(log, Number.MAX_SAFE_INTEGER);
    log.values.push("a");
    log.failure = new StorageBusyError("locked");
    feed.wake();
    await pass(0);
    log.failure = undefined;
    feed.wake();
    await pass(100);
    expect(heard).toEqual([]);
    await pass(200);
    feed.wake();
    await pass(0);
    expect(heard).toEqual(["a"]);
  });

  it("of a database that was closed ends the subscription", async () => {
    const log = new ScriptedLog();
    const { warnings } = logged();
    const { feed } = await subscribed(log);
    log.failure = new StorageClosedError("closed");
    await pass(200);
    await feed.idle();
    const { polls } = log;
    await pass(2_000);
    expect(log.polls).toBe(polls);
    expect(warnings).toEqual([]);
  });
});

describe("the log", () => {
  it("that no longer has the place is opened again there", async () => {
    const log = new ScriptedLog();
    const { heard } = await subscribed(log);
    log.values.push("a");
    await pass(100);
    log.forgotten = true;
    log.resync = true;
    log.values.push("b");
    await pass(100);
    expect(log.opened).toEqual([undefined, at(1)]);
    expect(heard).toEqual(["a", "RESYNC", "b"]);
    expect(log.released).toEqual([false]);
  });

  it("is opened again when the lease was not renewed in time", async () => {
    const log = new ScriptedLog();
    await subscribed(log);
    log.lapsing = true;
    await pass(10_000);
    log.lapsing = false;
    await pass(20_000);
    expect(log.opened).toHaveLength(2);
    expect(log.renewals.map((held) => held.length)).toEqual([1, 1, 1]);
  });

  it("is told how far each subscriber has got", async () => {
    const log = new ScriptedLog();
    await subscribed(log);
    log.values.push("a", "b");
    await pass(10_000);
    expect(log.renewals[0]?.map(({ position }) => position)).toEqual([at(2)]);
  });

  it("learns whether anybody may come back", async () => {
    const log = new ScriptedLog();
    const [told, untold] = [await subscribed(log), await subscribed(log)];
    untold.unsubscribe();
    await untold.feed.idle();
    log.values.push("a");
    await pass(100);
    told.unsubscribe();
    await told.feed.idle();
    expect(log.released).toEqual([false, true]);
  });
});

describe("the poller", () => {
  it("is one for all subscribers, as quick as the quickest", async () => {
    const log = new ScriptedLog();
    const { feed } = await subscribed(log, 1_000);
    await pass(2_000);
    expect(log.polls).toBe(2);
    const quick = feed.subscribe(source, () => undefined, { pollingIntervalMs: 100 });
    await quick.ready;
    await pass(1_000);
    expect(log.polls).toBe(12);
    quick();
    await pass(3_000);
    expect(log.polls).toBe(15);
  });

  it("is not held up by subscriptions that come and go", async () => {
    const log = new ScriptedLog();
    const { feed } = await subscribed(log, 100);
    for (let i = 0; i < 50; i++) {
      feed.subscribe(source, () => undefined)();
      await pass(20);
    }
    expect(log.polls).toBe(10);
  });

  it("stops with the last subscription", async () => {
    const log = new ScriptedLog();
    const { unsubscribe } = await subscribed(log);
    unsubscribe();
    await pass(60_000);
    expect([log.polls, log.renewals.length]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("takes an interval longer than timers can wait", async () => {
    const log = new ScriptedLog();
    await subscribed(log, Number.MAX_SAFE_INTEGER);
    await pass(60_000);
    expect(log.polls).toBe(0);
  });
});

describe("a subscription that cannot be opened", () => {
  it("rejects ready and leaves no timer", async () => {
    const log = new ScriptedLog();
    log.failure = new StorageBusyError("locked");
    const feed = feedOf(log);
    const unsubscribe = feed.subscribe(source, () => undefined);
    await expect(unsubscribe.ready).rejects.toBe(log.failure);
    await pass(0);
    expect(vi.getTimerCount()).toBe(0);
    unsubscribe();
  });
});

it("a sweep that fails is nobody's error", async () => {
  await feedOf(new ScriptedLog()).sweep();
});
