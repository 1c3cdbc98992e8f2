import { randomBytes } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import type { IndexList, TabularStorageOptions } from "@workglow/storage";
import type {
  SqlChangeFeed,
  SqlExecutor,
  SqlProgram,
  SqlRow,
  SqlStatement,
} from "@workglow/storage/sql";
import { SqlTabularStorage } from "@workglow/storage/sql";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import pg from "pg";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { PgliteSource } from "../src/connection/PgliteSource.ts";
import { PoolSource } from "../src/connection/PoolSource.ts";
import { StatementNames } from "../src/connection/StatementNames.ts";
import { PostgresExecutor } from "../src/PostgresExecutor.ts";
import { postgresCapabilities } from "../src/postgresCapabilities.ts";
import { postgresDialect } from "../src/postgresDialect.ts";
import { freshSchema } from "./servers/fresh.ts";

/** A schema of its own, and statements in it. */
export interface DialectPlace extends AsyncDisposable {
  readonly schema: string;
  readonly executor: SqlExecutor;
  /** Runs a script of any number of statements. */
  script(text: string): Promise<unknown>;
  /** Runs a statement and gives its rows. */
  rows(text: string, ...params: readonly (string | number)[]): Promise<readonly SqlRow[]>;
}

/** Executors beside each other, on pools of their own. */
export interface SharedPlace extends AsyncDisposable {
  readonly schema: string;
  readonly pools: readonly pg.Pool[];
  readonly executors: readonly SqlExecutor[];
}

/** All kinds of servers that there are. */
export const dialectPlaces: readonly {
  readonly title: string;
  readonly embedded: boolean;
  readonly open: () => Promise<DialectPlace>;
}[] = [
  ...servers().all.map(({ title, url }) => ({
    title,
    embedded: false,
    open: () => openOnServer(url),
  })),
  { title: "PGlite", embedded: true, open: openPglite },
];

/** A schema of a server and pools of some connections each, all used at the same time. */
export async function openShared(
  url: string,
  pools: number,
  connections: number,
): Promise<SharedPlace> {
  const schema = await freshSchema(url);
  const handles = Array.from(
    { length: pools },
    () => new pg.Pool({ connectionString: url, max: connections }),
  );
  return {
    schema: schema.name,
    pools: handles,
    executors: handles.map((pool) => executorOn(pool, schema.name)),
    [Symbol.asyncDispose]: async () => {
      for (const pool of handles) await pool.end();
      await schema.drop();
    },
  };
}

export function executorOn(pool: pg.Pool, schema: string | undefined): SqlExecutor {
  const source = new PoolSource(pool, 30_000);
  return new PostgresExecutor(source, postgresDialect({ schema }), new StatementNames(true));
}

async function openOnServer(url: string): Promise<DialectPlace> {
  const { pools, executors, ...shared } = await openShared(url, 1, 4);
  const [executor] = executors as [SqlExecutor];
  return {
    ...shared,
    executor,
    rows: rowsOf(executor),
    script: (text) => (pools[0] as pg.Pool).query(text),
  };
}

/** It takes a second to make one. */
let embedded: Promise<PGlite> | undefined;

async function openPglite(): Promise<DialectPlace> {
  embedded ??= PGlite.create();
  const database = await embedded;
  const schema = `s_${randomBytes(4).toString("hex")}`;
  await database.exec(`CREATE SCHEMA ${schema}`);
  const executor = new PostgresExecutor(
    new PgliteSource(database),
    postgresDialect({ schema }),
    new StatementNames(false),
  );
  return {
    schema,
    executor,
    rows: rowsOf(executor),
    script: (text) => database.exec(text),
    [Symbol.asyncDispose]: async () => {
      await database.exec(`DROP SCHEMA ${schema} CASCADE`);
    },
  };
}

const rowsOf =
  (executor: SqlExecutor): DialectPlace["rows"] =>
  async (text, ...params) =>
    (await executor.execute({ text, params })).rows;

/** The executor, and what it is given to run. */
export function recorded(executor: SqlExecutor): { executor: SqlExecutor; ran: SqlStatement[] } {
  const ran: SqlStatement[] = [];
  function* record<T>(program: SqlProgram<T>): SqlProgram<T> {
    let step = program.next();
    while (!step.done) {
      ran.push(step.value);
      step = program.next(yield step.value);
    }
    return step.value;
  }
  const execute: SqlExecutor["execute"] = (statement, o) => {
    ran.push(statement);
    return executor.execute(statement, o);
  };
  const atomic: SqlExecutor["atomic"] = (program, o) => executor.atomic(() => record(program()), o);
  const spied = Object.create(executor, { execute: { value: execute }, atomic: { value: atomic } });
  return { executor: spied as SqlExecutor, ran };
}

const noFeed: SqlChangeFeed = {
  subscribe: () => {
    throw new Error("there is no change feed in these tests");
  },
  // biome-ignore lint/correctness/useYield: there is nothing to ask
  *isSetUp() {
    return true;
  },
  setupSql: () => [],
  interruptSql: () => [],
  *interrupt() {},
  sweep: async () => undefined,
};

type Properties = DataPortSchemaObject["properties"];

/** What a test table is made of: a key `id`, and what else is said. */
export interface Shape {
  readonly table?: string;
  /** The type of `id`; text unless given. */
  readonly id?: Properties[string];
  readonly properties?: Properties;
  readonly required?: readonly string[];
  readonly indexes?: IndexList;
  readonly options?: TabularStorageOptions;
}

type AnyRow = Record<string, unknown>;

/** Tabular storage of the shared layer alone: the dialect and an executor, without a feed. */
export class DialectStorage extends SqlTabularStorage<
  DataPortSchemaObject,
  readonly string[],
  AnyRow,
  { id: unknown },
  AnyRow
> {
  public readonly capabilities = postgresCapabilities;

  public constructor(executor: SqlExecutor, shape: Shape) {
    const { table = "notes", id = { type: "string" }, properties, required = [] } = shape;
    const schema = {
      type: "object",
      properties: { id, ...properties },
      required: ["id", ...required],
    };
    super(
      { executor, table },
      schema as DataPortSchemaObject,
      ["id"],
      shape.indexes ?? [],
      shape.options,
    );
  }

  protected override createChangeFeed(): SqlChangeFeed {
    return noFeed;
  }
}
