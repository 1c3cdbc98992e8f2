import { AsyncLocalStorage } from "node:async_hooks";
import { getLogger, setLogger } from "@workglow/util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BoundedChangeLog, ChangeDelivery, type LoggedChange } from "../src/index.ts";

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
const logger = getLogger();
afterEach(() => setLogger(logger));

describe("ChangeDelivery", () => {
  it("delivers in order, the next after the callback's promise has settled", async () => {
    const log: string[] = [];
    const delivery = new ChangeDelivery<number>("notes", async (change) => {
      log.push(`begin ${change}`);
      await turn();
      log.push(`end ${change}`);
    });
    delivery.push(1);
    delivery.push(2, 3);
    await delivery.drained();
    expect(log).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  });

  it("tells when everything has been delivered, at once if nothing waits", async () => {
    const seen: number[] = [];
    const delivery = new ChangeDelivery<number>("notes", (change) => void seen.push(change));
    await delivery.drained();
    delivery.push(1, 2);
    expect(delivery.pending).toBe(2);
    await delivery.drained();
    expect(seen).toEqual([1, 2]);
    expect(delivery.pending).toBe(0);
    delivery.push(3);
    await delivery.drained();
    expect(seen).toEqual([1, 2, 3]);
  });

  it("reports a callback that throws or rejects, and goes on", async () => {
    const error = vi.fn();
    setLogger({ ...logger, error });
    const seen: number[] = [];
    const delivery = new ChangeDelivery<number>("notes", (change) => {
      seen.push(change);
      if (change === 1) throw new Error("thrown");
      return change === 2 ? Promise.reject(new Error("rejected")) : undefined;
    });
    delivery.push(1, 2, 3);
    await delivery.drained();
    expect(seen).toEqual([1, 2, 3]);
    expect(error.mock.calls.map(([message, cause]) => [message, String(cause)])).toEqual([
      ['A change subscriber of "notes" failed', "Error: thrown"],
      ['A change subscriber of "notes" failed', "Error: rejected"],
    ]);
  });

  it("delivers nothing more once it is closed, not even the rest of what it had", async () => {
    const seen: number[] = [];
    const delivery: ChangeDelivery<number> = new ChangeDelivery<number>("notes", (change) => {
      seen.push(change);
      if (change === 2) delivery.close();
    });
    delivery.push(1, 2, 3);
    await delivery.drained();
    delivery.push(4);
    await turn();
    expect(seen).toEqual([1, 2]);
    expect(delivery.closed).toBe(true);
  });

  it("calls back in the context of the subscriber, not of the writer", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const delivery = context.run(
      "subscriber",
      () => new ChangeDelivery<number>("notes", () => void seen.push(context.getStore())),
    );
    await turn();
    context.run("writer", () => delivery.push(1));
    await delivery.drained();
    expect(seen).toEqual(["subscriber"]);
  });
});

describe("BoundedChangeLog", () => {
  const read = async (log: BoundedChangeLog<number>, since: string | undefined) => {
    const seen: LoggedChange<number>[] = [];
    const delivery = new ChangeDelivery<LoggedChange<number>>("notes", (c) => void seen.push(c));
    log.subscribe(since, () => true, delivery);
    await delivery.drained();
    return seen;
  };
  const recording = (length: number) => {
    const log = new BoundedChangeLog<number>(length);
    const stop = log.subscribe(undefined, () => true, new ChangeDelivery("notes", () => undefined));
    return { log, stop };
  };

  it("records from the first subscription on, and after the last one has ended", async () => {
    const log = new BoundedChangeLog<number>(10);
    log.append(1);
    const start = log.position;
    const stop = log.subscribe(undefined, () => true, new ChangeDelivery("notes", () => undefined));
    log.append(2);
    stop();
    log.append(3);
    expect((await read(log, start)).map(({ change }) => change)).toEqual([2, 3]);
  });

  it("gives positions that grow as texts do", async () => {
    const { log } = recording(100);
    const positions = Array.from({ length: 12 }, (_, i) => {
      log.append(i);
      return log.position;
    });
    expect(positions).toEqual([...positions].sort());
    expect(new Set(positions).size).toBe(12);
    expect((await read(log, positions[4])).map(({ change }) => change)).toEqual([
      5, 6, 7, 8, 9, 10, 11,
    ]);
    expect(await read(log, positions[11])).toEqual([]);
  });

  it("says once that changes are missing where it does not reach back, or never did", async () => {
    const { log } = recording(3);
    log.append(0);
    const early = log.position;
    for (let i = 1; i <= 10; i++) log.append(i);
    const missing = [{ change: undefined, position: log.position }];
    for (const since of [early, "0", "", "x.1", `${early}0`, early.replace(/\d$/, "9.9")]) {
      expect(await read(log, since)).toEqual(missing);
    }
  });

  it("delivers to each subscriber what it accepts", async () => {
    const { log } = recording(10);
    const odd: unknown[] = [];
    const delivery = new ChangeDelivery<LoggedChange<number>>(
      "notes",
      (c) => void odd.push(c.change),
    );
    log.subscribe(undefined, (n) => n % 2 === 1, delivery);
    for (let i = 0; i < 5; i++) log.append(i);
    await delivery.drained();
    expect(odd).toEqual([1, 3]);
  });

  it("tells everybody when it is interrupted, and gives out no change of before", async () => {
    const { log } = recording(10);
    log.append(1);
    const before = log.position;
    const seen: unknown[] = [];
    const delivery = new ChangeDelivery<LoggedChange<number>>(
      "notes",
      (c) => void seen.push(c.change),
    );
    log.subscribe(undefined, () => true, delivery);
    log.interrupt();
    log.append(2);
    await delivery.drained();
    expect(seen).toEqual([undefined, 2]);
    expect((await read(log, before)).map(({ change }) => change)).toEqual([undefined]);
  });
});
