import { ConformanceError } from "./assert.ts";
import type { Backend, KvSpec, TabularSpec, TestKv, Unnamed, VectorSpec } from "./harness.ts";
import {
  type Case,
  type CaseContext,
  type Connection,
  DEFAULT_CASE_TIMEOUT_MS,
} from "./harness.ts";
import type { QueueSpec, RateLimiterSpec } from "./queue/QueueSpec.ts";

/** Runs one case on a fresh database. Rejects with what the case threw, or when it takes too long. */
export async function runCase(testCase: Case, backend: Backend): Promise<void> {
  const session = new Session(backend);
  try {
    await inTime(testCase, session.runIn(testCase));
  } catch (error) {
    // What fails afterwards, with a database that is in no state to be closed, tells less.
    await session.close().catch(() => undefined);
    throw error;
  }
  await session.close();
}

async function inTime({ name, timeoutMs }: Case, run: Promise<void>): Promise<void> {
  const limitMs = timeoutMs ?? DEFAULT_CASE_TIMEOUT_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ConformanceError(`"${name}" took longer than ${limitMs} ms`)),
      limitMs,
    );
  });
  try {
    await Promise.race([run, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a storage may take to let go of its running calls at the end of a case. */
const DRAIN_LIMIT_MS = 2_000;

/** The databases and storages of one case. */
class Session {
  private readonly backend: Backend;
  private readonly storages: AsyncDisposable[] = [];
  private readonly connections: unknown[] = [];
  private main: unknown;
  private tables = 0;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async runIn(testCase: Case): Promise<void> {
    this.main = await this.backend.open();
    this.connections.push(this.main);
    await testCase.run(this.context());
  }

  /** The last opened goes first; nothing stays open because something else failed to close. */
  async close(): Promise<void> {
    await this.disposeStorages();
    const failures: unknown[] = [];
    for (const database of this.connections.splice(0).reverse()) {
      try {
        await this.backend.close(database);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "a database could not be closed");
  }

  private context(): CaseContext {
    const { backend } = this;
    return {
      ...this.connection(() => this.main),
      backend,
      capabilities: backend.capabilities,
      freshTable: () => this.freshTable(),
      reopen: async () => {
        await this.disposeStorages();
        const closed = this.main;
        this.main = await required(backend.reopen, "reopen").call(backend, closed);
        this.connections[this.connections.indexOf(closed)] = this.main;
      },
      connect: async () => {
        const database = await required(backend.connect, "connect").call(backend, this.main);
        this.connections.push(database);
        return this.connection(() => database);
      },
      inOtherProcess: (work) =>
        required(backend.inOtherProcess, "inOtherProcess").call(backend, this.main, work),
    };
  }

  private connection(database: () => unknown): Connection {
    const { backend } = this;
    const kv = async <Key extends string | number>(
      spec: Partial<KvSpec> | undefined,
      keyType: "string" | "number",
    ): Promise<TestKv<Key>> => {
      const full = { keyType, table: this.freshTable(), ...spec };
      const made = required(backend.kv, "kv").call(backend, database(), full);
      return this.setUp(made as unknown as TestKv<Key>);
    };
    const constructTabular = (spec: Unnamed<TabularSpec>) =>
      this.keep(required(backend.tabular, "tabular").call(backend, database(), this.named(spec)));
    const constructVector = (spec: Unnamed<VectorSpec>) =>
      this.keep(required(backend.vector, "vector").call(backend, database(), this.named(spec)));
    const constructQueue = (spec?: Partial<QueueSpec>) => {
      const full = { queueName: this.freshTable(), ...spec };
      return this.keep(required(backend.queue, "queue").call(backend, database(), full));
    };
    const constructRateLimiter = (spec: RateLimiterSpec = {}) =>
      this.keep(required(backend.rateLimiter, "rateLimiter").call(backend, database(), spec));
    return {
      kv: (spec) => kv<string>(spec, "string"),
      kvByNumber: (spec) => kv<number>(spec, "number"),
      constructTabular,
      constructVector,
      tabular: async (spec) => this.setUp(constructTabular(spec)),
      vector: async (spec) => this.setUp(constructVector(spec)),
      constructQueue,
      constructRateLimiter,
      queue: async (spec) => this.setUp(constructQueue(spec)),
      rateLimiter: async (spec) => this.setUp(constructRateLimiter(spec)),
      withTransaction: (fn) =>
        required(backend.withTransaction, "withTransaction").call(backend, database(), fn) as never,
    };
  }

  private keep<Storage extends AsyncDisposable>(storage: Storage): Storage {
    this.storages.push(storage);
    return storage;
  }

  private async setUp<Storage extends AsyncDisposable & { setupDatabase(): Promise<void> }>(
    storage: Storage,
  ): Promise<Storage> {
    this.keep(storage);
    await storage.setupDatabase();
    return storage;
  }

  private freshTable(): string {
    this.tables++;
    return `table_${this.tables}`;
  }

  private named<Spec extends { readonly table: string }>(spec: Unnamed<Spec>): Spec {
    return { ...spec, table: spec.table ?? this.freshTable() } as Spec;
  }

  private async disposeStorages(): Promise<void> {
    const disposed = this.storages.splice(0).map((storage) => storage[Symbol.asyncDispose]());
    // A storage that never drains must not hide what the case found.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, DRAIN_LIMIT_MS);
    });
    await Promise.race([Promise.allSettled(disposed), limit]);
    clearTimeout(timer);
  }
}

function required<T>(member: T | undefined, name: string): T {
  if (member === undefined) throw new Error(`the backend has no "${name}", which the case needs`);
  return member;
}
