import {
  InMemoryQueueStorage,
  type IQueueStorage,
  JobStatus,
  type QueueChangePayload,
} from "@workglow/job-queue";
import { Sqlite, SqliteTabularStorage } from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { InMemoryKvStorage, MemoryDatabase, registerTabularRepository } from "@workglow/storage";
import { resolveSchemaInputs } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type StorageKit, storageKits } from "../storageKits.ts";
import { UserPrimaryKey, UserSchema } from "./fixtures/block-03.ts";
import { ProductSchema, type ProductStorage, queries } from "./fixtures/block-04.ts";
import { pagination } from "./fixtures/block-05.ts";
import { subscribing } from "./fixtures/block-06.ts";
import { JobStatus as SeedJobStatus } from "./fixtures/block-09.ts";
import { tenantQueue } from "./fixtures/block-10.ts";
import { subscriptions } from "./fixtures/block-11.ts";
import { type ChunkMetadata, ChunkSchema, searching } from "./fixtures/block-13.ts";
import { metadataColumn, vectorColumn } from "./fixtures/block-16.ts";
import { StorageTask } from "./fixtures/block-17.ts";
import { settingUp } from "./fixtures/block-18.ts";

const log = vi.spyOn(console, "log");
const logged = (): unknown[] => log.mock.calls.flat();

beforeEach(() => {
  log.mockReset().mockImplementation(() => {});
});

const newJob = <Input>(input: Input) => ({ input, run_after: null, completed_at: null });

const products = [
  { id: 1, category: "electronics", price: 250, created_at: "2024-12-31" },
  { id: 2, category: "electronics", price: 80, created_at: "2025-01-01" },
  { id: 3, category: "books", price: 20, created_at: "2025-02-01" },
  { id: 4, category: "electronics", price: 15, created_at: "2024-01-01" },
];

describe.each(storageKits)("the seed's programs on $name", ({ open }) => {
  let kit: StorageKit;

  beforeEach(() => {
    kit = open();
  });
  afterEach(() => kit.close());

  async function shop(): Promise<ProductStorage> {
    const storage = kit.tabular("products", ProductSchema, ["id"] as const, [
      "category",
      "created_at",
    ]);
    await storage.setupDatabase();
    return storage;
  }

  test("a cache keeps a user and tells its listeners (block 1)", async () => {
    const cache = kit.kv("cache");
    await cache.setupDatabase();
    await cache.put("user:123", { name: "Alice", role: "admin" });
    expect(await cache.get("user:123")).toEqual({ name: "Alice", role: "admin" });
    const heard: unknown[] = [];
    cache.on("put", (key, value) => heard.push([key, value]));
    await cache.put("user:124", { name: "Bob" });
    expect(heard).toEqual([["user:124", { name: "Bob" }]]);
  });

  test("users get the id that the schema leaves to the storage (block 3)", async () => {
    const users = kit.tabular("users", UserSchema, UserPrimaryKey);
    await users.setupDatabase();
    const stored = await users.put({
      name: "Alice",
      email: "alice@example.com",
      created_at: "now",
    });
    expect(stored.user_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(await users.get({ user_id: stored.user_id })).toEqual(stored);
  });

  test("queries find by equality, by comparison and by both (block 4)", async () => {
    const storage = await shop();
    await storage.putBulk(products);
    const { results, recent, filtered } = await queries(storage);
    expect(results?.map(({ id }) => id)).toEqual([1, 2, 4]);
    expect(recent?.map(({ id }) => id)).toEqual([2, 3]);
    expect(filtered?.map(({ id, price }) => [id, price])).toEqual([
      [4, 15],
      [2, 80],
    ]);
  });

  test("iteration gives every record, alone and in pages (block 5)", async () => {
    const storage = await shop();
    const many = Array.from({ length: 250 }, (_, id) => ({ ...products[0]!, id }));
    await storage.putBulk(many);
    const records: number[] = [];
    const pages: number[] = [];
    await pagination(
      storage,
      (record) => records.push(record.id),
      async (page) => void pages.push(page.length),
    );
    expect(records).toEqual(many.map(({ id }) => id));
    expect(pages).toEqual([100, 100, 50]);
  });

  test("a subscriber hears of changes until it stops listening (block 6)", async () => {
    const storage = await shop();
    const [first, second] = [products[0]!, { ...products[0]!, price: 1 }];
    await subscribing(storage, async () => {
      await storage.put(first);
      await storage.put(second);
      await storage.delete({ id: 1 });
      await vi.waitFor(() => expect(logged()).toHaveLength(9));
    });
    await storage.put(products[1]!);
    expect(logged()).toEqual([
      ...["INSERT", undefined, first],
      ...["UPDATE", first, second],
      ...["DELETE", second, undefined],
    ]);
  });

  test("a search gives what is near enough, with its score (block 13)", async () => {
    const storage = kit.vector<ChunkMetadata, typeof ChunkSchema, readonly ["id"]>(
      "chunks",
      ChunkSchema,
      ["id"],
      2,
    );
    await storage.setupDatabase();
    const metadata = { doc_id: "doc-123", text: "near" };
    await storage.putBulk([
      { id: "a", vector: new Float32Array([3, 4]), metadata },
      { id: "b", vector: new Float32Array([-1, 0]), metadata: { ...metadata, text: "far" } },
      { id: "c", vector: new Float32Array([1, 0]), metadata: { doc_id: "doc-9", text: "other" } },
    ]);
    const results = await searching(storage, new Float32Array([0, 2]));
    expect(results.map(({ id }) => id)).toEqual(["a"]);
    expect(logged()).toEqual(["near", 0.8]);
  });

  test("there is no hybrid search, and its check says so (block 14)", () => {
    const storage = kit.vector("chunks", ChunkSchema, ["id"] as const, 2);
    expect(typeof storage.hybridSearch === "function").toBe(false);
  });

  test("a task's input names a storage by its id (block 17)", async () => {
    const storage = await shop();
    registerTabularRepository("seed products", storage);
    const input: { storage: unknown } = { storage: "seed products" };
    const resolved = await resolveSchemaInputs(input, StorageTask.inputSchema());
    expect(resolved.storage).toBe(storage);
  });
});

describe("the seed's programs as they stand", () => {
  test("an in-memory cache is made, filled and listened to (block 1)", async () => {
    const { cache, user } = await import("./fixtures/block-01.ts");
    expect(cache).toBeInstanceOf(InMemoryKvStorage);
    expect(user).toEqual({ name: "Alice", role: "admin" });
    await cache.put("user:124", null);
    expect(logged()).toEqual(["Cached: user:124"]);
  });

  test("a job's status is one of the six (blocks 8 and 9)", () => {
    expect(JobStatus).toEqual(SeedJobStatus);
  });

  test("a schema tells its special columns (block 16)", () => {
    expect([vectorColumn, metadataColumn]).toEqual(["vector", "metadata"]);
  });

  test("a table is set up, and safe to use (block 18)", async () => {
    const db = new Sqlite.Database(":memory:");
    const storage = await settingUp(db);
    expect(storage).toBeInstanceOf(SqliteTabularStorage);
    const [alice] = (await storage.getAll()) ?? [];
    expect(alice).toMatchObject({ name: "Alice", email: "alice@example.com" });
    await storage[Symbol.asyncDispose]();
    db.close();
  });
});

describe("the seed's queue of a tenant", () => {
  const prefixes = [
    { name: "user_id", type: "uuid" },
    { name: "project_id", type: "uuid" },
  ] as const;
  const sameUser = { user_id: "abc-123", project_id: "proj-9" };
  const otherUser = { user_id: "xyz-9", project_id: "proj-456" };

  test("on SQLite has jobs of its own, which three kinds of subscriptions tell apart (blocks 10 and 11)", async () => {
    const db = new Sqlite.Database(":memory:");
    await hearsTenants(tenantQueue(db), (prefixValues) => {
      return new SqliteQueueStorage(db, "jobs", { prefixes, prefixValues });
    });
    db.close();
  });

  test("in memory likewise (block 11)", async () => {
    const database = new MemoryDatabase();
    const make = (prefixValues: Record<string, string>) =>
      new InMemoryQueueStorage("jobs", { prefixes, prefixValues, database });
    await hearsTenants(make({ user_id: "abc-123", project_id: "proj-456" }), make);
  });

  async function hearsTenants(
    storage: IQueueStorage,
    make: (prefixValues: Record<string, string>) => IQueueStorage,
  ): Promise<void> {
    const others = [make(sameUser), make(otherUser)] as const;
    for (const queue of [storage, ...others]) await queue.setupDatabase();
    const heard: unknown[] = [];
    subscriptions(storage, (change: QueueChangePayload<unknown, unknown>) => {
      heard.push(change.new?.input);
    });
    await storage.add(newJob("own"));
    await others[0].add(newJob("same user"));
    await others[1].add(newJob("other user"));
    await vi.waitFor(() => expect(heard).toHaveLength(6), { timeout: 5000 });
    const times = (input: string) => heard.filter((other) => other === input).length;
    expect([times("own"), times("same user"), times("other user")]).toEqual([3, 2, 1]);
    expect((await storage.peek()).map(({ input }) => input)).toEqual(["own"]);
    for (const queue of [storage, ...others]) await queue[Symbol.asyncDispose]();
  }
});
