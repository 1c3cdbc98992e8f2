import { Container, ServiceNotRegisteredError, ServiceRegistry } from "@workglow/util";
import { describe, expect, test } from "vitest";
import {
  InMemoryQueueStorage,
  InMemoryRateLimiterStorage,
  QUEUE_STORAGE,
  RATE_LIMITER_STORAGE,
} from "../src/index.ts";

const newJob = { input: 1, run_after: null, completed_at: null };

describe("QUEUE_STORAGE and RATE_LIMITER_STORAGE", () => {
  test("stand for the storages that a program registers", async () => {
    const services = new ServiceRegistry();
    services.register(QUEUE_STORAGE, () => new InMemoryQueueStorage("mail"));
    services.register(RATE_LIMITER_STORAGE, () => new InMemoryRateLimiterStorage());

    const queue = services.get(QUEUE_STORAGE);
    expect(queue.queueName).toBe("mail");
    expect(services.get(QUEUE_STORAGE)).toBe(queue);
    expect(await queue.add(newJob)).toBeDefined();

    const limiter = services.get(RATE_LIMITER_STORAGE);
    expect(await limiter.tryReserveExecution("mail", 1, 1000)).toEqual(expect.any(String));
    expect(await limiter.tryReserveExecution("mail", 1, 1000)).toBeNull();
    await services.dispose();
  });

  test("are also known by their ids", () => {
    const services = new ServiceRegistry();
    const queue = new InMemoryQueueStorage();
    services.registerInstance("jobqueue.storage", queue);
    expect(services.get(QUEUE_STORAGE)).toBe(queue);
    const limiter = new InMemoryRateLimiterStorage();
    services.registerInstance("ratelimiter.storage", limiter);
    expect(services.get(RATE_LIMITER_STORAGE)).toBe(limiter);
  });

  test("are missing until somebody registers them", () => {
    const services = new ServiceRegistry();
    expect(services.has(QUEUE_STORAGE)).toBe(false);
    for (const token of [QUEUE_STORAGE, RATE_LIMITER_STORAGE]) {
      expect(() => services.get<unknown>(token)).toThrow(ServiceNotRegisteredError);
    }
  });

  test("come from the parent in a child container, unless it has its own", async () => {
    const parent = new Container();
    parent.register(QUEUE_STORAGE, () => new InMemoryQueueStorage("parent's"));
    parent.register(RATE_LIMITER_STORAGE, () => new InMemoryRateLimiterStorage());
    const child = parent.createChild();
    child.register(QUEUE_STORAGE, () => new InMemoryQueueStorage("child's"));

    expect(child.get(QUEUE_STORAGE).queueName).toBe("child's");
    expect(parent.get(QUEUE_STORAGE).queueName).toBe("parent's");
    expect(child.get(RATE_LIMITER_STORAGE)).toBe(parent.get(RATE_LIMITER_STORAGE));
    await child.dispose();
    await parent.dispose();
  });

  test("end with the registry that made them, and only then", async () => {
    const parent = new Container();
    parent.register(QUEUE_STORAGE, () => new InMemoryQueueStorage());
    const child = parent.createChild();
    child.register(RATE_LIMITER_STORAGE, () => new InMemoryRateLimiterStorage());
    const queue = child.get(QUEUE_STORAGE);
    const limiter = child.get(RATE_LIMITER_STORAGE);

    await child.dispose();
    await expect(limiter.recordExecution("a")).rejects.toMatchObject({ code: "CLOSED" });
    expect(await queue.add(newJob)).toBeDefined();

    await parent.dispose();
    await expect(queue.add(newJob)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("leave a storage open that was given ready-made", async () => {
    const services = new ServiceRegistry();
    const queue = new InMemoryQueueStorage();
    services.registerInstance(QUEUE_STORAGE, queue);
    await services.dispose();
    expect(await queue.add(newJob)).toBeDefined();
    await queue[Symbol.asyncDispose]();
  });
});
