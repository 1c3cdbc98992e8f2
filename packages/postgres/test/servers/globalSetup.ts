import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import type { PostgresServer } from "../../../../scripts/lib/postgres/PostgresServer.ts";
import {
  reportNotRun,
  startTestServers,
} from "../../../../scripts/lib/postgres/startTestServers.ts";
import type { TestServer, TestServers } from "../../../../scripts/lib/postgres/testServers.ts";

interface Run {
  users: number;
  readonly servers: Promise<{ provided: TestServers; close(): Promise<void> }>;
}

const key = Symbol.for("workglow.postgresServers");
// Each vitest project loads this module anew; the servers are those of the whole run.
const shared = globalThis as { [key]?: Run };

/** Starts the servers for the first of the selected projects that needs them, ends them after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared[key] ??= { users: 0, servers: start() };
  const run = shared[key];
  run.users += 1;
  const { provided, close } = await run.servers;
  project.provide("postgresServers", provided);
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete shared[key];
    await close();
  };
}

async function start() {
  const url = process.env.WORKGLOW_POSTGRES_URL;
  const started = await startTestServers({
    debian: url === undefined,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    const report = join(import.meta.dirname, "../../../../reports/postgres-not-run.json");
    reportNotRun(report, started.notRun);
    const embedded = describe(started.embedded);
    const main = url ? await describeGiven(url) : started.debian && describe(started.debian);
    const provided = { main, embedded, all: main ? [main, embedded] : [embedded] };
    return { provided, close: started.close };
  } catch (error) {
    await started.close();
    throw error;
  }
}

function describe({ program: { name, title, hasVector }, url }: PostgresServer): TestServer {
  return { name, title, hasVector, url };
}

async function describeGiven(url: string): Promise<TestServer> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string; has_vector: boolean }>(
      `SELECT current_setting('server_version') AS version,
              EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS has_vector`,
    );
    const { version = "", has_vector = false } = rows[0] ?? {};
    if (has_vector) await client.query("CREATE EXTENSION IF NOT EXISTS vector");
    const title = `PostgreSQL ${version} (WORKGLOW_POSTGRES_URL)`;
    return { name: "given", title, url, hasVector: has_vector };
  } finally {
    await client.end();
  }
}
