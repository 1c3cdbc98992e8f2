import { debianPostgres } from "../../../../scripts/lib/postgres/debianPostgres.ts";
import { embeddedPostgres } from "../../../../scripts/lib/postgres/embeddedPostgres.ts";
import { PostgresServer } from "../../../../scripts/lib/postgres/PostgresServer.ts";
import type { PostgresSettings } from "../../../../scripts/lib/postgres/supervision.ts";

/**
 * A server that a test may stop, crash and start again without disturbing others; see
 * `PostgresServer`. Close it at the end: `await using server = await startOwnServer()`.
 *
 * @param options.settings as in postgresql.conf, beside `fsync = off`
 * @param options.program "debian" has pgvector, but runs only where `servers().main` is Debian's;
 *   "embedded", the default, runs everywhere
 */
export async function startOwnServer(
  options: { settings?: PostgresSettings; program?: "embedded" | "debian" } = {},
): Promise<PostgresServer> {
  const find = options.program === "debian" ? debianPostgres : embeddedPostgres;
  return PostgresServer.start(await find(), options.settings);
}
