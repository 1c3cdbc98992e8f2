import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { debianPostgres } from "../../../scripts/lib/postgres/debianPostgres.ts";
import { embeddedPostgres } from "../../../scripts/lib/postgres/embeddedPostgres.ts";
import { PostgresServer } from "../../../scripts/lib/postgres/PostgresServer.ts";
import { Unavailable } from "../../../scripts/lib/Unavailable.ts";
import type { Contender, Goal, Group } from "../measure.ts";

/** A commit is on the disk before it is acknowledged; no checkpoint falls into a round. */
const SETTINGS = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: 200,
  shared_buffers: "512MB",
  maintenance_work_mem: "512MB",
  max_wal_size: "8GB",
  checkpoint_timeout: "30min",
};
const ABOUT = "fsync on, synchronous_commit on";

/** Creates a database on the group's server; gives its URL. */
export type OpenDatabase = (name: string) => Promise<string>;

export interface ServerGroup {
  readonly name: string;
  readonly goals: readonly Goal[];
  /** Compared with all others; the first contender unless given. */
  readonly baseline?: string;
  /** Whether the contenders need pgvector. */
  readonly needsVector?: boolean;
  open(database: OpenDatabase): Promise<readonly Contender[]>;
}

/** A group whose contenders have a database each on one server, which is the group's alone. */
export function onServer({ open, needsVector = false, ...group }: ServerGroup): Group {
  let server: PostgresServer | undefined;
  return {
    ...group,
    about: () => (server === undefined ? "" : `${server.program.title}, ${ABOUT}`),
    open: async () => {
      const program = await findProgram(needsVector);
      if (program === undefined) return [];
      const started = await PostgresServer.start(program, SETTINGS);
      server = started;
      return open((name) => createDatabase(started, name));
    },
    close: async () => {
      if (server === undefined) return;
      await connectionsEnded(server);
      await server.close();
      server = undefined;
    },
  };
}

/** The server with pgvector where the machine can run it. */
async function findProgram(needsVector: boolean) {
  try {
    return await debianPostgres((line) => console.error(line));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return needsVector ? undefined : embeddedPostgres();
  }
}

async function createDatabase(server: PostgresServer, name: string): Promise<string> {
  const database = `bench_${name}`;
  await withClient(server, (client) => client.query(`CREATE DATABASE "${database}"`));
  return server.urlOf({ database });
}

/** Pools resolve before their sockets are closed, and peers print what interrupts those. */
async function connectionsEnded(server: PostgresServer): Promise<void> {
  await withClient(server, async (client) => {
    for (let attempt = 0; attempt < 100; attempt++) {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      );
      if (rows.length === 0) return;
      await pause(20);
    }
  });
}

async function withClient<T>(
  server: PostgresServer,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: server.urlOf({ database: "postgres" }) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
