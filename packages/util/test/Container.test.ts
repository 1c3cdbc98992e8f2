import { describe, expect, test, vi } from "vitest";
import {
  CircularDependencyError,
  Container,
  createServiceToken,
  globalContainer,
  globalServiceRegistry,
  ServiceNotRegisteredError,
  ServiceRegistry,
  StorageError,
} from "../src/index.ts";

const CLOCK = createServiceToken<{ now(): number }>("clock");
const clock = { now: () => 42 };

describe("Container", () => {
  test("makes a singleton once, when it is first asked for", () => {
    const container = new Container();
    const factory = vi.fn(() => clock);
    container.register(CLOCK, factory);
    expect(factory).not.toHaveBeenCalled();
    expect(container.get(CLOCK)).toBe(clock);
    expect(container.get(CLOCK).now()).toBe(42);
    expect(container.get("clock")).toBe(clock);
    expect(factory).toHaveBeenCalledTimes(1);
  });

  test("makes a new one each time where asked to", () => {
    const container = new Container();
    container.register("list", () => [], false);
    expect(container.get("list")).not.toBe(container.get("list"));
  });

  test("keeps a singleton that is undefined", () => {
    const container = new Container();
    const factory = vi.fn(() => undefined);
    container.register("nothing", factory);
    expect([container.get("nothing"), container.get("nothing")]).toEqual([undefined, undefined]);
    expect(factory).toHaveBeenCalledTimes(1);
  });

  test("gives factories the container that they are registered with", () => {
    const container = new Container();
    container.registerInstance("base", 2);
    container.register("double", (own) => own.get<number>("base") * 2);
    const child = container.createChild();
    child.registerInstance("base", 10);
    expect(child.get("double")).toBe(4);
    expect(container.get("double")).toBe(4);
  });

  test("a later registration replaces an earlier one", () => {
    const container = new Container();
    container.register("a", () => 1);
    container.get("a");
    container.register("a", () => 2);
    expect(container.get("a")).toBe(2);
    container.registerInstance("a", 3);
    expect(container.get("a")).toBe(3);
  });

  test("says what is missing", () => {
    const container = new Container();
    expect(container.has(CLOCK)).toBe(false);
    expect(() => container.get(CLOCK)).toThrow("Service not registered: clock");
    expect(() => container.get("toString")).toThrow(ServiceNotRegisteredError);
    expect(new ServiceNotRegisteredError("x")).toBeInstanceOf(StorageError);
  });

  test("tries a factory that failed again, and recovers", () => {
    const container = new Container();
    let fail = true;
    container.register("flaky", () => {
      if (fail) throw new Error("not yet");
      return 1;
    });
    expect(() => container.get("flaky")).toThrow("not yet");
    fail = false;
    expect(container.get("flaky")).toBe(1);
  });
});

describe("circular dependencies", () => {
  test("are an error that names the chain", () => {
    const container = new Container();
    container.register("outside", (own) => own.get("a"));
    container.register("a", (own) => own.get("b"));
    container.register("b", (own) => own.get("c"), false);
    container.register("c", (own) => own.get("a"));
    expect(() => container.get("outside")).toThrow(CircularDependencyError);
    expect(() => container.get("outside")).toThrow("Circular dependency: a → b → c → a");
    expect(() => container.get("c")).toThrow("Circular dependency: c → a → b → c");
  });

  test("leave the container in order", () => {
    const container = new Container();
    container.register("a", (own) => own.get("a"));
    container.register("b", () => 1);
    expect(() => container.get("a")).toThrow(CircularDependencyError);
    expect(container.get("b")).toBe(1);
  });

  test("are none where a child wraps what its parent has under the same id", () => {
    const parent = new Container();
    parent.register("storage", () => ["parent"]);
    const child = parent.createChild();
    child.register("storage", () => [...parent.get<string[]>("storage"), "child"]);
    expect(child.get("storage")).toEqual(["parent", "child"]);
  });
});

describe("child containers", () => {
  test("fall back to the parent and hide it where they have their own", () => {
    const parent = new Container();
    parent.registerInstance("a", "parent a");
    parent.registerInstance("b", "parent b");
    const child = parent.createChild();
    child.registerInstance("a", "child a");
    const grandchild = child.createChild();
    expect([grandchild.get("a"), grandchild.get("b")]).toEqual(["child a", "parent b"]);
    expect(grandchild.has("b")).toBe(true);
    expect(parent.get("a")).toBe("parent a");
  });

  test("share the parent's singletons, which end with the parent", async () => {
    const parent = new Container();
    const dispose = vi.fn();
    parent.register("shared", () => ({ dispose }));
    const child = parent.createChild();
    expect(child.get("shared")).toBe(parent.get("shared"));
    await child.dispose();
    expect(dispose).not.toHaveBeenCalled();
    await parent.dispose();
    expect(dispose).toHaveBeenCalledTimes(1);
  });
});

describe("dispose", () => {
  test("ends singletons in reverse order, by the best way each has", async () => {
    const container = new Container();
    const ended: string[] = [];
    const say = (name: string) => () => void ended.push(name);
    container.register("dispose", () => ({ dispose: say("dispose") }));
    container.register("destroy", () => ({ destroy: say("destroy"), dispose: say("wrong") }));
    container.register("sync", () => ({ [Symbol.dispose]: say("sync"), destroy: say("wrong") }));
    container.register("async", () => ({
      [Symbol.dispose]: say("wrong"),
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
        ended.push("async");
      },
    }));
    container.register("plain", () => 1);
    for (const id of ["dispose", "destroy", "sync", "plain", "async"]) container.get(id);
    await container.dispose();
    expect(ended).toEqual(["async", "sync", "destroy", "dispose"]);
  });

  test("ends what depends on others before them", async () => {
    const container = new Container();
    const ended: string[] = [];
    container.register("db", () => ({ destroy: () => void ended.push("db") }));
    container.register("users", (own) => {
      own.get("db");
      return { destroy: () => void ended.push("users") };
    });
    container.get("users");
    await container.dispose();
    expect(ended).toEqual(["users", "db"]);
  });

  test("leaves alone what was given, what is made each time and what nobody asked for", async () => {
    const container = new Container();
    const destroy = vi.fn();
    const factory = vi.fn(() => ({ destroy }));
    container.registerInstance("given", { destroy });
    container.register("each", () => ({ destroy }), false);
    container.register("unused", factory);
    container.get("given");
    container.get("each");
    await container.dispose();
    expect(destroy).not.toHaveBeenCalled();
    expect(factory).not.toHaveBeenCalled();
  });

  test("ends replaced singletons too, and each only once", async () => {
    const container = new Container();
    const destroy = vi.fn();
    container.register("a", () => ({ destroy }));
    container.get("a");
    container.register("a", () => ({ destroy }));
    container.get("a");
    await container.dispose();
    await container.dispose();
    expect(destroy).toHaveBeenCalledTimes(2);
    expect(container.has("a")).toBe(false);
  });

  test("waits for promised services, and passes over those that failed", async () => {
    const container = new Container();
    const destroy = vi.fn();
    container.register("promised", () => Promise.resolve({ destroy }));
    container.register("failed", () => Promise.reject(new Error("no connection")));
    container.get("promised");
    await expect(container.get<Promise<unknown>>("failed")).rejects.toThrow("no connection");
    await container.dispose();
    expect(destroy).toHaveBeenCalledTimes(1);
  });

  test("goes on after a failure and reports all of them", async () => {
    const failing = (message: string) => () => ({
      destroy() {
        throw new Error(message);
      },
    });
    const container = new Container();
    const destroy = vi.fn();
    container.register("good", () => ({ destroy }));
    container.register("bad", failing("bad"));
    container.get("good");
    container.get("bad");
    await expect(container.dispose()).rejects.toThrow("bad");
    expect(destroy).toHaveBeenCalledTimes(1);

    container.register("bad", failing("bad"));
    container.register("worse", failing("worse"));
    container.get("bad");
    container.get("worse");
    const error = await container.dispose().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.map(String)).toEqual(["Error: worse", "Error: bad"]);
  });

  test("happens at the end of `await using`", async () => {
    const destroy = vi.fn();
    {
      await using container = new Container();
      container.register("a", () => ({ destroy }));
      container.get("a");
    }
    expect(destroy).toHaveBeenCalledTimes(1);
  });
});

describe("ServiceRegistry", () => {
  test("registers, finds and disposes through its container", async () => {
    const destroy = vi.fn();
    const registry = new ServiceRegistry();
    registry.register(CLOCK, () => ({ ...clock, destroy }));
    expect(registry.has(CLOCK)).toBe(true);
    expect(registry.get(CLOCK).now()).toBe(42);
    expect(registry.get(CLOCK)).toBe(registry.get(CLOCK));
    registry.register("each", () => ({}), false);
    expect(registry.get("each")).not.toBe(registry.get("each"));
    await registry.dispose();
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(() => registry.get(CLOCK)).toThrow("Service not registered: clock");
  });

  test("registerIfAbsent keeps what is there, in parents too", () => {
    const parent = new Container();
    parent.registerInstance("a", 1);
    const registry = new ServiceRegistry(parent.createChild());
    registry.registerIfAbsent("a", () => 2);
    registry.registerIfAbsent("b", () => 3);
    expect([registry.get("a"), registry.get("b")]).toEqual([1, 3]);
    registry.registerInstance("a", 4);
    expect([registry.get("a"), parent.get("a")]).toEqual([4, 1]);
  });

  test("registries without a container share nothing; the global one has the global container", () => {
    const registry = new ServiceRegistry();
    registry.registerInstance("only here", 1);
    expect(new ServiceRegistry().has("only here")).toBe(false);
    expect(globalServiceRegistry.has("only here")).toBe(false);
    expect(globalServiceRegistry.container).toBe(globalContainer);
  });
});
