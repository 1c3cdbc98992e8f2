import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { QueueLease } from "../src/storage/QueueLease.ts";

const LEASE_MS = 30_000;
let ticks = 0;
let answers = true;
let lease: QueueLease;

beforeEach(() => {
  vi.useFakeTimers();
  ticks = 0;
  answers = true;
  lease = new QueueLease(LEASE_MS, () => {
    ticks++;
    if (answers && lease.wanted) lease.renewed(Date.now());
  });
});
afterEach(() => {
  lease.stop();
  vi.useRealTimers();
});

describe("the lease of a storage instance", () => {
  test("has an id of its own", () => {
    expect(new QueueLease(LEASE_MS, () => undefined).instance).not.toBe(lease.instance);
  });

  test("ticks every third of its length, from the start to the end", () => {
    vi.advanceTimersByTime(LEASE_MS);
    expect(ticks).toBe(0);
    lease.start();
    lease.start();
    vi.advanceTimersByTime(LEASE_MS);
    expect(ticks).toBe(3);
    lease.stop();
    vi.advanceTimersByTime(LEASE_MS);
    expect(ticks).toBe(3);
  });

  test("is renewed by a claim when there is none, or the timer is late", () => {
    expect(lease.renewalDue()).toBe(true);
    lease.renewed(Date.now());
    expect(lease.renewalDue()).toBe(false);
    vi.setSystemTime(Date.now() + LEASE_MS / 2 + 1);
    expect(lease.renewalDue()).toBe(true);
  });

  test("is renewed by a claim when the clock was set back", () => {
    lease.renewed(Date.now());
    vi.setSystemTime(Date.now() - 1);
    expect(lease.renewalDue()).toBe(true);
  });

  test("is kept alive from the first claim on, made or suspected", () => {
    expect(lease.held).toBe(false);
    lease.suspect();
    expect(lease.held).toBe(true);
    expect(lease.renewalDue()).toBe(true);
  });
});

describe("looking for the dead", () => {
  /** A claim that finds nothing, and what it was to look for. */
  function poll(): boolean {
    const sweeps = lease.takeSweep();
    if (answers) lease.reached(Date.now());
    return sweeps;
  }

  beforeEach(() => {
    lease.start();
    expect(poll()).toBe(false);
  });

  test("begins half a lease after the start, and is done once a second at most", () => {
    vi.advanceTimersByTime(LEASE_MS / 2 - 1);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(poll()).toBe(true);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(999);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(poll()).toBe(true);
  });

  test("goes on at once when there was more than one look takes on", () => {
    vi.advanceTimersByTime(LEASE_MS / 2);
    expect(poll()).toBe(true);
    lease.sweepAgain();
    expect(poll()).toBe(true);
  });

  test("goes on for an instance that claims rarely: its renewals show that it was in touch", () => {
    vi.advanceTimersByTime(10 * LEASE_MS);
    expect(poll()).toBe(true);
  });

  test("waits half a lease after a pause in which everybody's lease ran out", () => {
    vi.advanceTimersByTime(LEASE_MS);
    // The machine sleeps: no timer fires, and the clock goes on.
    vi.setSystemTime(Date.now() + 10 * LEASE_MS);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(LEASE_MS / 2 - 1);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(poll()).toBe(true);
  });

  test.each([
    ["polled all along", true],
    ["did nothing meanwhile", false],
  ])("waits half a lease after an outage, where the instance %s", (_, polls) => {
    vi.advanceTimersByTime(LEASE_MS);
    answers = false;
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(LEASE_MS / 20);
      if (polls && i > 10) expect(poll()).toBe(false);
    }
    answers = true;
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(LEASE_MS / 2 - 1);
    expect(poll()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(poll()).toBe(true);
  });

  test("needs answers: a claim that is begun counts for nothing", () => {
    vi.advanceTimersByTime(LEASE_MS / 2);
    answers = false;
    vi.advanceTimersByTime(LEASE_MS / 2);
    for (let i = 0; i < 100; i++) {
      expect(poll()).toBe(false);
      vi.advanceTimersByTime(1000);
    }
  });
});
