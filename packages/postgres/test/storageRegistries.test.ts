import { QUEUE_STORAGE, RATE_LIMITER_STORAGE, registerQueueRepository } from "@workglow/job-queue";
import {
  type PostgresHandle,
  PostgresKvStorage,
  PostgresTabularStorage,
  PostgresVectorStorage,
} from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import {
  registerKvRepository,
  registerTabularRepository,
  registerVectorRepository,
  TABULAR_REPOSITORIES,
} from "@workglow/storage";
import {
  Container,
  compactSchemaInputs,
  resolveSchemaInputs,
  ServiceRegistry,
} from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { closePglite, pgliteBackend } from "./pgliteBackend.ts";
import { postgresBackend } from "./postgresBackend.ts";

const ChunkSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
const ChunkKey = ["id"] as const;

interface Place {
  readonly handle: PostgresHandle;
  readonly schema: string;
}

interface Database {
  readonly name: string;
  readonly open: () => Promise<Place>;
  readonly close: (place: never) => Promise<void>;
}

const databases = [pgliteBackend, ...servers().all.map(postgresBackend)] as unknown as Database[];
afterAll(closePglite);

describe.each(databases)("storages on $name, by their ids", ({ open, close }) => {
  let place: Place;
  const made: AsyncDisposable[] = [];

  beforeEach(async () => {
    place = await open();
  });
  afterEach(async () => {
    for (const storage of made.splice(0)) await storage[Symbol.asyncDispose]();
    await close(place as never);
  });

  function note<Storage extends AsyncDisposable>(storage: Storage): Storage {
    made.push(storage);
    return storage;
  }

  const optionsOf = () => ({ schema: place.schema });
  const kv = () =>
    note(new PostgresKvStorage(place.handle, "kv", undefined, undefined, optionsOf()));
  const tabular = () =>
    note(new PostgresTabularStorage(place.handle, "rows", ChunkSchema, ChunkKey, [], optionsOf()));
  const vector = () =>
    note(
      new PostgresVectorStorage(
        place.handle,
        "chunks",
        ChunkSchema,
        ChunkKey,
        [],
        2,
        undefined,
        optionsOf(),
      ),
    );
  const queue = (name = "jobs") =>
    note(new PostgresQueueStorage<number, number>(place.handle, name, optionsOf()));
  const limiter = () => note(new PostgresRateLimiterStorage(place.handle, optionsOf()));

  const schema = {
    type: "object",
    properties: {
      settings: { type: "string", format: "storage:kv" },
      rows: { type: "array", items: { type: "string", format: "storage:tabular" } },
      index: { type: "string", format: "storage:vector" },
      work: {
        type: "object",
        properties: { queue: { type: "string", format: "storage:queue" } },
      },
    },
  } as const;
  const ids = { settings: "s", rows: ["r", "r"], index: "i", work: { queue: "q" } };

  test("inputs become the storages, work, and become ids again", async () => {
    const storages = { s: kv(), r: tabular(), i: vector(), q: queue() };
    registerKvRepository("s", storages.s as never);
    registerTabularRepository("r", storages.r as never);
    registerVectorRepository("i", storages.i as never);
    registerQueueRepository("q", storages.q as never);

    const resolved = (await resolveSchemaInputs<unknown>(ids, schema)) as {
      settings: ReturnType<typeof kv>;
      rows: ReturnType<typeof tabular>[];
      index: ReturnType<typeof vector>;
      work: { queue: ReturnType<typeof queue> };
    };
    expect(resolved.settings).toBe(storages.s);
    expect(resolved.rows).toEqual([storages.r, storages.r]);
    expect(resolved.index).toBe(storages.i);
    expect(resolved.work.queue).toBe(storages.q);

    await resolved.settings.setupDatabase();
    await resolved.settings.put("a", 1);
    expect(await resolved.settings.get("a")).toBe(1);
    expect(await compactSchemaInputs(resolved, schema)).toEqual(ids);
  });

  test("a registry that is given comes before the global one, and unknown ids are an error", async () => {
    const mine = tabular();
    registerTabularRepository("r", tabular() as never);
    const registry = new ServiceRegistry();
    registry.registerInstance(TABULAR_REPOSITORIES, new Map([["r", mine as never]]));
    const rows = { rows: ["r"] };
    const resolved = await resolveSchemaInputs<Record<string, unknown>>(rows, schema, { registry });
    expect(resolved.rows).toEqual([mine]);
    await expect(resolveSchemaInputs({ rows: ["x"] }, schema)).rejects.toThrow(
      'Tabular storage "x" not found in registry',
    );
  });

  test("queue and limiter stand behind their tokens, in child containers too, and end with theirs", async () => {
    const parent = new Container();
    parent.register(QUEUE_STORAGE, () => queue("parent's"));
    parent.register(RATE_LIMITER_STORAGE, () => limiter());
    const child = parent.createChild();
    child.register(QUEUE_STORAGE, () => queue("child's"));

    const ofParent = parent.get(QUEUE_STORAGE);
    const ofChild = child.get(QUEUE_STORAGE);
    expect([ofParent.queueName, ofChild.queueName]).toEqual(["parent's", "child's"]);
    const reserved = child.get(RATE_LIMITER_STORAGE);
    expect(reserved).toBe(parent.get(RATE_LIMITER_STORAGE));
    for (const storage of [ofParent, ofChild, reserved]) await storage.setupDatabase();
    const job = { input: 1, run_after: null, completed_at: null };
    await ofChild.add(job);
    expect(await ofParent.size()).toBe(0);
    expect(await reserved.tryReserveExecution("api", 1, 60_000)).toEqual(expect.any(String));

    await child.dispose();
    await expect(ofChild.add(job)).rejects.toMatchObject({ code: "CLOSED" });
    expect(await ofParent.add(job)).toBeDefined();
    await parent.dispose();
    await expect(ofParent.add(job)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(reserved.recordExecution("api")).rejects.toMatchObject({ code: "CLOSED" });
  });
});
