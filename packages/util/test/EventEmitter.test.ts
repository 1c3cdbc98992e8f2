import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  EventEmitter,
  getLogger,
  type Logger,
  StorageClosedError,
  StorageTimeoutError,
  setLogger,
} from "../src/index.ts";

type Events = {
  put: (key: string, value: number) => void;
  clear: () => void;
};

const original = getLogger();
const reported = vi.fn<Logger["error"]>();

beforeEach(() => {
  reported.mockReset();
  setLogger({ debug() {}, info() {}, warn() {}, error: reported });
});
afterEach(() => setLogger(original));

describe("EventEmitter", () => {
  test("calls listeners in order, with the arguments, until they are removed", () => {
    const emitter = new EventEmitter<Events>();
    const calls: string[] = [];
    const first = (key: string, value: number) => void calls.push(`first ${key} ${value}`);
    emitter.on("put", first);
    emitter.on("put", (key) => void calls.push(`second ${key}`));
    emitter.emit("put", "a", 1);
    emitter.off("put", first);
    emitter.emit("put", "b", 2);
    emitter.emit("clear");
    expect(calls).toEqual(["first a 1", "second a", "second b"]);
  });

  test("calls a listener added twice twice, and removes one addition at a time", () => {
    const emitter = new EventEmitter<Events>();
    const listener = vi.fn();
    emitter.on("clear", listener);
    emitter.on("clear", listener);
    emitter.emit("clear");
    expect(listener).toHaveBeenCalledTimes(2);
    emitter.off("clear", listener);
    emitter.emit("clear");
    expect(listener).toHaveBeenCalledTimes(3);
    emitter.off("clear", listener);
    emitter.off("clear", listener);
    expect(emitter.hasListeners("clear")).toBe(false);
  });

  test("once calls once, also when the listener emits again", () => {
    const emitter = new EventEmitter<Events>();
    const listener = vi.fn(() => emitter.emit("clear"));
    emitter.once("clear", listener);
    emitter.emit("clear");
    emitter.emit("clear");
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("off takes back a once", () => {
    const emitter = new EventEmitter<Events>();
    const listener = vi.fn();
    emitter.once("clear", listener);
    emitter.off("clear", listener);
    emitter.emit("clear");
    expect(listener).not.toHaveBeenCalled();
  });

  test("listeners may add and remove listeners while they are called", () => {
    const emitter = new EventEmitter<Events>();
    const calls: string[] = [];
    const late = () => void calls.push("late");
    const removed = () => void calls.push("removed");
    const first = () => {
      calls.push("first");
      emitter.off("clear", first);
      emitter.off("clear", removed);
      emitter.on("clear", late);
    };
    emitter.on("clear", first);
    emitter.on("clear", removed);
    emitter.on("clear", () => void calls.push("last"));
    emitter.emit("clear");
    expect(calls).toEqual(["first", "last"]);
    emitter.emit("clear");
    expect(calls).toEqual(["first", "last", "last", "late"]);
  });

  test("a listener that throws or rejects is reported and fails nobody", async () => {
    const emitter = new EventEmitter<Events>();
    const after = vi.fn();
    const thrown = new Error("thrown");
    const rejected = new Error("rejected");
    emitter.on("clear", () => {
      throw thrown;
    });
    emitter.on("clear", async () => {
      await Promise.resolve();
      throw rejected;
    });
    emitter.on("clear", after);
    emitter.emit("clear");
    expect(after).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(reported).toHaveBeenCalledTimes(2));
    expect(reported.mock.calls.map(([message]) => message)).toEqual([
      'A listener of "clear" failed',
      'A listener of "clear" failed',
    ]);
    expect(reported.mock.calls.map(([, details]) => details)).toEqual([thrown, rejected]);
  });

  test("hasListeners tells whether anybody listens", () => {
    const emitter = new EventEmitter<Events>();
    expect(emitter.hasListeners("put")).toBe(false);
    emitter.once("put", () => {});
    expect(emitter.hasListeners("put")).toBe(true);
    expect(emitter.hasListeners("clear")).toBe(false);
    emitter.emit("put", "a", 1);
    expect(emitter.hasListeners("put")).toBe(false);
  });

  test("event names that objects inherit are names like any other", () => {
    const emitter = new EventEmitter<{ constructor: () => void; __proto__: () => void }>();
    expect(emitter.hasListeners("constructor")).toBe(false);
    expect(() => emitter.emit("__proto__")).not.toThrow();
  });
});

describe("waitOn", () => {
  test("resolves to the arguments of the next event", async () => {
    const emitter = new EventEmitter<Events>();
    const next = emitter.waitOn("put");
    emitter.emit("put", "a", 1);
    emitter.emit("put", "b", 2);
    await expect(next).resolves.toEqual(["a", 1]);
    expect(emitter.hasListeners("put")).toBe(false);
  });

  test("rejects when the emitter is destroyed, before or after", async () => {
    const emitter = new EventEmitter<Events>();
    const waiting = emitter.waitOn("clear");
    emitter.destroy();
    await expect(waiting).rejects.toBeInstanceOf(StorageClosedError);
    await expect(emitter.waitOn("clear")).rejects.toBeInstanceOf(StorageClosedError);
  });

  test("rejects with the reason given to destroy", async () => {
    const emitter = new EventEmitter<Events>();
    const reason = new Error("shutting down");
    const waiting = emitter.waitOn("clear");
    emitter.destroy(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test("rejects when aborted or late, and listens no more", async () => {
    const emitter = new EventEmitter<Events>();
    const controller = new AbortController();
    const waiting = emitter.waitOn("clear", { signal: controller.signal });
    const late = emitter.waitOn("clear", { timeoutMs: 5 });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(late).rejects.toBeInstanceOf(StorageTimeoutError);
    expect(emitter.hasListeners("clear")).toBe(false);
  });
});

describe("destroy", () => {
  test("silences all listeners, those of a running emit and later ones too", () => {
    const emitter = new EventEmitter<Events>();
    const listener = vi.fn();
    emitter.on("clear", () => emitter.destroy());
    emitter.on("clear", listener);
    emitter.emit("clear");
    emitter.on("clear", listener);
    emitter.emit("clear");
    expect(listener).not.toHaveBeenCalled();
    expect(emitter.hasListeners("clear")).toBe(false);
  });

  test("may be called again", () => {
    const emitter = new EventEmitter<Events>();
    emitter.destroy();
    expect(() => emitter.destroy()).not.toThrow();
  });
});

test("a wait that ends leaves no listener on its signal", async () => {
  const emitter = new EventEmitter<{ ping: () => void }>();
  const { signal } = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listening++;
    addEventListener.apply(signal, args as never);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listening--;
    removeEventListener.apply(signal, args as never);
  };
  const waits = Array.from({ length: 3 }, () => emitter.waitOn("ping", { signal }));
  emitter.emit("ping");
  await Promise.all(waits);
  expect(listening).toBe(0);
});
