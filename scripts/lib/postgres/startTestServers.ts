import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { nothingMayBeLeftOut } from "../nothingMayBeLeftOut.ts";
import { Unavailable } from "../Unavailable.ts";
import { debianPostgres } from "./debianPostgres.ts";
import { embeddedPostgres } from "./embeddedPostgres.ts";
import { PostgresServer } from "./PostgresServer.ts";
import type { PostgresSettings } from "./supervision.ts";

export interface StartedServers {
  readonly embedded: PostgresServer;
  /** `undefined` where this machine cannot run it, or where it was not asked for. */
  readonly debian: PostgresServer | undefined;
  /** What this machine cannot run, and why. */
  readonly notRun: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts one server of each kind that this machine can run.
 *
 * @param options.debian `false` leaves Debian's out
 * @throws Error where one does not start; and where nothing may be left out (CI, WORKGLOW_RUN_ALL)
 *   but this machine cannot run one.
 */
export async function startTestServers(
  options: { debian?: boolean; settings?: PostgresSettings; say?: (line: string) => void } = {},
): Promise<StartedServers> {
  const notRun: string[] = [];
  const [embedded, debian] = await Promise.allSettled([
    embeddedPostgres().then((program) => PostgresServer.start(program, options.settings)),
    options.debian === false ? undefined : startDebian(options, notRun),
  ]);
  const close = async () => {
    await Promise.all([embedded, debian].map((start) => "value" in start && start.value?.close()));
  };
  if (embedded.status === "fulfilled" && debian.status === "fulfilled") {
    return { embedded: embedded.value, debian: debian.value, notRun, close };
  }
  await close();
  throw [embedded, debian].flatMap((start) => ("reason" in start ? [start.reason] : []))[0];
}

async function startDebian(
  { settings, say }: { settings?: PostgresSettings; say?: (line: string) => void },
  notRun: string[],
) {
  try {
    return await PostgresServer.start(await debianPostgres(say), settings);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const what = "PostgreSQL with pgvector (Debian)";
    if (nothingMayBeLeftOut()) throw new Error(`${what} must run here: ${error.message}`);
    notRun.push(`${what}: ${error.message.split("\n")[0]}`);
    return undefined;
  }
}

/** For the summary of `npm test`, which runs vitest as a program of its own. */
export function reportNotRun(path: string, notRun: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(notRun)}\n`);
}
