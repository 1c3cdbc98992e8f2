import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../isAlive.ts";
import { type PostgresProgram, seenByProgram } from "./PostgresProgram.ts";

/** Ends servers, and removes data, whose supervisor was itself killed. */
export async function removeAbandonedRuns(program: PostgresProgram): Promise<void> {
  for (const name of readdirSync(program.runsFolder)) {
    const [host, supervisor] = name.split("~");
    if (host !== hostname() || isAlive(Number(supervisor))) continue;
    const folder = join(program.runsFolder, name);
    await endServer(program, join(folder, "data"));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function endServer(program: PostgresProgram, dataFolder: string) {
  const pid = abandonedServer(dataFolder, seenByProgram(program, dataFolder));
  if (pid === undefined) return;
  process.kill(pid, "SIGQUIT");
  while (isAlive(pid)) await sleep(20);
}

/** Without /proc it is left to end by itself, within the minute in which it misses its lock file. */
function abandonedServer(dataFolder: string, nameOfDataFolder: string): number | undefined {
  const lockFile = join(dataFolder, "postmaster.pid");
  if (!existsSync(lockFile)) return undefined;
  const pid = Number(readFileSync(lockFile, "utf8").split("\n")[0]);
  const commandLine = `/proc/${pid}/cmdline`;
  if (!existsSync(commandLine)) return undefined;
  // The number may belong to another process by now.
  const isOurs = readFileSync(commandLine, "utf8").split("\0").includes(nameOfDataFolder);
  return isOurs ? pid : undefined;
}
