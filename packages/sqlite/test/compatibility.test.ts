import { JobStatus, QUEUE_STORAGE, RATE_LIMITER_STORAGE } from "@workglow/job-queue";
import * as sqlite from "@workglow/sqlite";
import * as sqliteStorage from "@workglow/sqlite/storage";
import {
  isSearchCondition,
  KV_REPOSITORIES,
  registerTabularRepository,
  TABULAR_REPOSITORIES,
  VECTOR_REPOSITORIES,
} from "@workglow/storage";
import {
  Container,
  getLogger,
  resolveSchemaInputs,
  StorageEmptyCriteriaError,
  StorageError,
  StorageInvalidColumnError,
  StorageInvalidLimitError,
  StorageUnsupportedError,
  StorageValidationError,
  setLogger,
} from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type StorageKit, storageKits } from "./storageKits.ts";

// What programs written for Workglow 0.2 rely on: one test for each promise.

const ItemSchema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    name: { type: "string" },
    note: { type: "string" },
  },
  required: ["id", "name"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

const ChunkSchema = {
  type: "object",
  properties: {
    id: { type: "integer" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

const newJob = <Input>(input: Input) => ({ input, run_after: null, completed_at: null });

describe.each(storageKits)("as in 0.2, on $name", ({ open }) => {
  let kit: StorageKit;

  beforeEach(() => {
    kit = open();
  });
  afterEach(() => kit.close());

  async function items() {
    const storage = kit.tabular("items", ItemSchema, ["id"] as const);
    await storage.setupDatabase();
    return storage;
  }

  describe("tabular", () => {
    test("put is a full-row upsert and returns the stored entity", async () => {
      const storage = await items();
      const stored = await storage.put({ name: "a", note: "old" });
      expect(stored).toEqual({ id: 1, name: "a", note: "old" });
      expect(await storage.put({ id: 1, name: "b" })).toEqual({ id: 1, name: "b" });
      expect(await storage.get({ id: 1 })).toEqual({ id: 1, name: "b" });
    });

    test("putBulk([]) gives []", async () => {
      expect(await (await items()).putBulk([])).toEqual([]);
    });

    test("putBulk gives its results in input order", async () => {
      const rows = [5, 1, 3].map((id) => ({ id, name: `item ${id}` }));
      expect(await (await items()).putBulk(rows)).toEqual(rows);
    });

    test("getAll, query and getBulk give undefined where there is nothing", async () => {
      const storage = await items();
      expect(await storage.getAll()).toBeUndefined();
      expect(await storage.query({ name: "a" })).toBeUndefined();
      expect(await storage.getBulk(0, 10)).toBeUndefined();
    });

    test("getBulk is ordered by primary key", async () => {
      const storage = await items();
      await storage.putBulk([5, 1, 3].map((id) => ({ id, name: "item" })));
      expect((await storage.getBulk(1, 5))?.map(({ id }) => id)).toEqual([3, 5]);
    });

    test("deleteSearch({}) deletes nothing", async () => {
      const storage = await items();
      await storage.put({ name: "a" });
      await storage.deleteSearch({});
      expect(await storage.size()).toBe(1);
    });

    test('"always" without a key says which one is missing', async () => {
      const storage = kit.tabular("always", ItemSchema, ["id"] as const, [], "always");
      await storage.setupDatabase();
      await expect(storage.put({ name: "a" })).rejects.toThrow(
        'Auto-generated key "id" is required when clientProvidedKeys is "always"',
      );
    });

    test("bad calls are errors of the classes of 0.2", async () => {
      const storage = await items();
      await expect(storage.query({})).rejects.toBeInstanceOf(StorageEmptyCriteriaError);
      await expect(storage.getAll({ limit: 0 })).rejects.toBeInstanceOf(StorageInvalidLimitError);
      await expect(storage.query({ none: 1 } as never)).rejects.toBeInstanceOf(
        StorageInvalidColumnError,
      );
    });

    test("put fires once for each row, in bulk too", async () => {
      const storage = await items();
      const listener = vi.fn();
      storage.on("put", listener);
      await storage.putBulk([{ name: "a" }, { name: "b" }]);
      await storage.put({ name: "c" });
      expect(listener.mock.calls.map(([row]) => row.name)).toEqual(["a", "b", "c"]);
    });
  });

  describe("vector", () => {
    test("a schema without a vector is refused by the message of 0.2", () => {
      expect(() => kit.vector("none", ItemSchema, ["id"] as const, 2)).toThrow(
        "Schema must have a property with type array and format TypedArray",
      );
    });

    test("topK is 10 unless given", async () => {
      const storage = kit.vector("chunks", ChunkSchema, ["id"] as const, 1);
      await storage.setupDatabase();
      await storage.putBulk(
        Array.from({ length: 12 }, (_, id) => ({ id, vector: new Float32Array([1]) })),
      );
      expect(await storage.similaritySearch(new Float32Array([1]))).toHaveLength(10);
    });
  });

  describe("queue", () => {
    async function jobs() {
      const queue = kit.queue<string, string>("jobs");
      await queue.setupDatabase();
      return queue;
    }

    test("complete on a job that does not exist warns and changes nothing", async () => {
      const queue = await jobs();
      await queue.add(newJob("a"));
      const job = await queue.next("worker");
      if (job === undefined) throw new Error("there is a job to claim");
      await queue.delete(job.id);
      const warn = vi.fn();
      const before = getLogger();
      setLogger({ ...before, warn });
      try {
        await queue.complete({ ...job, status: JobStatus.COMPLETED, output: "done" });
      } finally {
        setLogger(before);
      }
      expect(warn).toHaveBeenCalledOnce();
      expect(await queue.size(JobStatus.COMPLETED)).toBe(0);
      expect(await queue.get(job.id)).toBeUndefined();
    });

    test("outputForInput gives null where there is none", async () => {
      const queue = await jobs();
      await queue.add(newJob("waiting"));
      expect(await queue.outputForInput("waiting")).toBeNull();
      expect(await queue.outputForInput("unknown")).toBeNull();
    });

    test('retries end with the error "Max retries reached"', async () => {
      const queue = await jobs();
      const id = await queue.add({ ...newJob("a"), max_retries: 0 });
      const job = await queue.next("worker");
      if (job === undefined) throw new Error("there is a job to claim");
      await queue.complete({ ...job, status: JobStatus.PENDING, run_after: null });
      expect(await queue.get(id)).toMatchObject({
        status: JobStatus.FAILED,
        error: "Max retries reached",
      });
    });

    test("prefixFilter has three forms", async () => {
      const prefixes = [
        { name: "org", type: "uuid" },
        { name: "team", type: "number" },
      ] as const;
      const make = (org: string, team: number) =>
        kit.queue<string, string>("jobs", { prefixes, prefixValues: { org, team } });
      const queues = [make("a", 1), make("a", 2), make("b", 1)] as const;
      for (const queue of queues) await queue.setupDatabase();

      const filters = { own: undefined, everybody: {}, organisation: { org: "a" } };
      const heard = { own: [], everybody: [], organisation: [] } as Record<string, unknown[]>;
      for (const [name, prefixFilter] of Object.entries(filters)) {
        const { ready } = queues[0].subscribeToChanges(
          (change) => void heard[name]?.push(change.new?.input),
          { prefixFilter },
        );
        await ready;
      }
      await queues[0].add(newJob("a1"));
      await queues[1].add(newJob("a2"));
      await queues[2].add(newJob("b1"));
      await vi.waitFor(() => expect(heard.everybody).toHaveLength(3), { timeout: 5000 });
      await vi.waitFor(() => expect(heard.organisation).toHaveLength(2), { timeout: 5000 });
      expect(heard).toEqual({
        own: ["a1"],
        everybody: ["a1", "a2", "b1"],
        organisation: ["a1", "a2"],
      });
    });
  });

  describe("registry", () => {
    test("an unknown id is named in the message of 0.2", async () => {
      registerTabularRepository("known", await items());
      const schema = {
        type: "object",
        properties: { from: { type: "string", format: "storage:tabular" } },
      } as const;
      await expect(resolveSchemaInputs({ from: "unknown" }, schema)).rejects.toThrow(
        'Tabular storage "unknown" not found in registry',
      );
    });
  });
});

describe("as in 0.2", () => {
  test("error classes descend from one another", () => {
    for (const kind of [
      StorageEmptyCriteriaError,
      StorageInvalidLimitError,
      StorageInvalidColumnError,
    ]) {
      expect(new kind("message")).toBeInstanceOf(StorageValidationError);
    }
    expect(new StorageValidationError("message")).toBeInstanceOf(StorageError);
    expect(new StorageUnsupportedError("put", "this backend")).toBeInstanceOf(StorageError);
  });

  test("isSearchCondition tells a condition from a value", () => {
    expect(isSearchCondition({ operator: ">=", value: 3 })).toBe(true);
    expect([3, null, "=", ["="], { value: 3 }].map(isSearchCondition)).not.toContain(true);
  });

  test("queues of SQLite live in job_queue, and in job_queue_<prefix>_<prefix>", async () => {
    const db = new sqlite.Sqlite.Database(":memory:");
    const { SqliteQueueStorage } = await import("@workglow/sqlite/job-queue");
    const plain = new SqliteQueueStorage(db, "jobs");
    const ofTenant = new SqliteQueueStorage(db, "jobs", {
      prefixes: [
        { name: "org", type: "uuid" },
        { name: "team", type: "number" },
      ],
      prefixValues: { org: "a", team: 1 },
    });
    for (const queue of [plain, ofTenant]) {
      await queue.setupDatabase();
      await queue.add(newJob("a"));
    }
    const count = (table: string): unknown =>
      (db.prepare(`SELECT count(*) AS n FROM "${table}"`) as { get(): { n: number } }).get().n;
    expect([count("job_queue"), count("job_queue_org_team")]).toEqual([1, 1]);
    for (const queue of [plain, ofTenant]) await queue[Symbol.asyncDispose]();
    db.close();
  });

  test("a missing service is named, and a circle of services is an error", () => {
    const container = new Container();
    expect(() => container.get("nobody")).toThrow("Service not registered: nobody");
    container.register("hen", (c) => c.get("egg"));
    container.register("egg", (c) => c.get("hen"));
    expect(() => container.get("hen")).toThrow(/circular/i);
  });

  test("tokens have the ids of 0.2", () => {
    expect(QUEUE_STORAGE.id).toBe("jobqueue.storage");
    expect(RATE_LIMITER_STORAGE.id).toBe("ratelimiter.storage");
    expect(TABULAR_REPOSITORIES.id).toBe("storage.tabular.repositories");
    expect(KV_REPOSITORIES.id).toBe("storage.kv.repositories");
    expect(VECTOR_REPOSITORIES.id).toBe("storage.vector.repositories");
  });

  test("Sqlite.init() and Sqlite.Database open a file, by both entries", async () => {
    expect(sqliteStorage.Sqlite).toBe(sqlite.Sqlite);
    await sqlite.Sqlite.init();
    const db = new sqlite.Sqlite.Database(":memory:");
    db.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    const storage = new sqlite.SqliteKvStorage(db, "kv");
    await storage.setupDatabase();
    await storage.put("a", 1);
    expect(await storage.get("a")).toBe(1);
    await storage[Symbol.asyncDispose]();
    db.close();
  });

  test("importing the packages is enough to resolve the formats of their kinds", async () => {
    for (const kind of ["kv", "tabular", "vector", "queue"]) {
      const schema = {
        type: "object",
        properties: { from: { type: "string", format: `storage:${kind}` } },
      } as const;
      await expect(resolveSchemaInputs({ from: "nobody" }, schema)).rejects.toThrow(
        '"nobody" not found in registry',
      );
    }
  });
});
