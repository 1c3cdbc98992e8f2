import { PGlite } from "@electric-sql/pglite";
import type { CommittedChange } from "@workglow/storage";
import type { SqlChangeSource, SqlLogChangeFeed, SqlProgram } from "@workglow/storage/sql";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { PostgresChangeLogOptions } from "../src/changes/PostgresChangeLog.ts";
import { postgresChangeFeed } from "../src/changes/postgresChangeFeed.ts";
import { PgliteSource } from "../src/connection/PgliteSource.ts";
import { PoolSource } from "../src/connection/PoolSource.ts";
import { PostgresDatabase } from "../src/PostgresDatabase.ts";
import { type PostgresOptions, resolvePostgresOptions } from "../src/PostgresOptions.ts";
import { type Note, notes } from "./noteSource.ts";
import { freshSchema } from "./servers/fresh.ts";

export { type Note, notes } from "./noteSource.ts";

const NOTES = `(id text COLLATE "C" NOT NULL PRIMARY KEY, body text COLLATE "C", size double precision)`;

/** A connection past the library, as another program would have it. */
export interface RawConnection {
  /** Runs statements one after the other. */
  run(text: string): Promise<void>;
  rows(text: string): Promise<readonly (readonly unknown[])[]>;
}

/** A pool or database of the library's, with a feed of its own. */
export interface OpenFeed {
  readonly feed: SqlLogChangeFeed;
  readonly database: PostgresDatabase;
}

/** A schema with the table `notes`, whose changes can be subscribed to. */
export interface Place {
  readonly schema: string;
  readonly raw: RawConnection;
  open(options?: PostgresOptions, logOptions?: PostgresChangeLogOptions): Promise<OpenFeed>;
}

/** What the tests run on: a server of many connections, or the embedded database with one. */
export interface PlaceMaker {
  readonly title: string;
  make(): Promise<Place>;
}

export function onServer(
  title: string,
  url: string,
): PlaceMaker & { make(): Promise<ServerPlace> } {
  return { title, make: () => serverPlace(url) };
}

export interface ServerPlace extends Place {
  readonly url: string;
  /** A connection of its own. */
  connect(url?: string): Promise<RawConnection & { readonly client: pg.Client }>;
  pool(options?: pg.PoolConfig): pg.Pool;
  openOn(pool: pg.Pool, options?: PostgresOptions, log?: PostgresChangeLogOptions): OpenFeed;
}

export async function serverPlace(url: string): Promise<ServerPlace> {
  const fresh = await freshSchema(url);
  onTestFinished(() => fresh.drop());
  const schema = fresh.name;
  const connect = async (as = url) => {
    const client = new pg.Client({ connectionString: as });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end().catch(() => undefined));
    await client.query(`SET search_path = ${schema}`);
    return { client, ...rawOf((text) => client.query({ text, rowMode: "array" })) };
  };
  const pool = (options: pg.PoolConfig = {}): pg.Pool => {
    const made = new pg.Pool({ connectionString: url, max: 5, ...options });
    onTestFinished(async () => void (made.ended || (await made.end())));
    return made;
  };
  const openOn: ServerPlace["openOn"] = (of, options = {}, log) =>
    opened(of as never, { schema, ...options }, log);
  const raw = await connect();
  await raw.run(`CREATE TABLE notes ${NOTES}`);
  const place: ServerPlace = {
    schema,
    url,
    raw,
    connect,
    pool,
    openOn,
    open: async (options, log) => openOn(pool(), options, log),
  };
  await setUp(await place.open());
  return place;
}

export const onPglite: PlaceMaker = {
  title: "PGlite",
  make: async () => {
    const db = new PGlite();
    onTestFinished(() => db.close());
    const schema = "app";
    const raw = rawOf(async (text) => {
      const results = await db.exec(text, { rowMode: "array" });
      return { rows: (results.at(-1)?.rows ?? []) as unknown[][] };
    });
    await raw.run(`CREATE SCHEMA app; SET search_path = app; CREATE TABLE notes ${NOTES}`);
    const place: Place = {
      schema,
      raw,
      open: async (options = {}, log) => opened(db as never, { schema, ...options }, log),
    };
    await setUp(await place.open());
    return place;
  },
};

function opened(
  handle: never,
  options: PostgresOptions,
  log: PostgresChangeLogOptions | undefined,
): OpenFeed {
  const resolved = resolvePostgresOptions(options);
  const source =
    (handle as object) instanceof PGlite
      ? new PgliteSource(handle)
      : new PoolSource(handle, 10_000);
  const database = new PostgresDatabase(source, resolved);
  return {
    database,
    feed: log === undefined ? database.changeFeed : postgresChangeFeed(database, log),
  };
}

/** What a set-up runs for the change feed. */
export async function setUp(
  { feed, database }: OpenFeed,
  source: SqlChangeSource<never> = notes as SqlChangeSource<never>,
): Promise<void> {
  await database.executor.atomic(function* (): SqlProgram<void> {
    for (const text of feed.setupSql(source)) yield { text, params: [] };
  });
}

function rawOf(query: (text: string) => Promise<{ readonly rows: unknown[][] }>): RawConnection {
  return {
    run: async (text) => void (await query(text)),
    rows: async (text) => (await query(text)).rows,
  };
}

/** Collects changes and says when there are enough. */
export class Collected<T> {
  public readonly changes: CommittedChange<T>[] = [];
  public readonly add = (change: CommittedChange<T>): void => void this.changes.push(change);

  /** The changes without their positions. */
  public get plain(): Omit<CommittedChange<T>, "position">[] {
    return this.changes.map(({ position: _, ...change }) => change);
  }

  public get types(): string[] {
    return this.changes.map((change) => change.type);
  }

  public async reach(count: number, withinMs = 20_000): Promise<void> {
    await until(() => this.changes.length >= count, withinMs);
  }
}

/** Waits for a condition; fails after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await pause(5);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Subscribes to `notes` until the end of the test. */
export async function listenTo(
  { feed }: OpenFeed,
  options: { readonly pollingIntervalMs?: number; readonly since?: string } = {
    pollingIntervalMs: 10,
  },
): Promise<{ readonly heard: Collected<Note>; readonly stop: () => Promise<void> }> {
  const heard = new Collected<Note>();
  const unsubscribe = feed.subscribe(notes, heard.add, options);
  const stop = async (): Promise<void> => {
    unsubscribe();
    await feed.idle();
  };
  onTestFinished(stop);
  await unsubscribe.ready;
  return { heard, stop };
}
