import { fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../isAlive.ts";
import { cacheFolder } from "./cacheFolder.ts";
import type { PostgresSettings } from "./supervision.ts";

export interface KeeperOptions {
  /** `false` leaves Debian's server out. */
  readonly debian: boolean;
  readonly settings: PostgresSettings;
}

export interface ServerUrls {
  readonly urls: readonly { readonly title: string; readonly url: string }[];
  /** What this machine cannot run, and why. */
  readonly notRun: readonly string[];
}

/** Written by the keeper, the process in the background that holds the servers; see keeper.ts. */
export interface KeeperState extends ServerUrls {
  readonly pid: number;
}

export const stateFile = join(cacheFolder, "background-servers.json");

export type KeeperMessage =
  | { readonly said: string }
  | { readonly failed: string }
  | { readonly started: ServerUrls };

/** The servers in the background, where there are any. */
export function runningServers(): KeeperState | undefined {
  if (!existsSync(stateFile)) return undefined;
  const state: KeeperState = JSON.parse(readFileSync(stateFile, "utf8"));
  return isAlive(state.pid) ? state : undefined;
}

/** Starts servers that outlive this process. */
export function startInBackground(
  options: KeeperOptions,
  say: (line: string) => void,
): Promise<ServerUrls> {
  const keeper = fork(join(import.meta.dirname, "keeper.ts"), [JSON.stringify(options)], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  return new Promise((resolve, reject) => {
    keeper.on("error", reject);
    keeper.on("exit", (code) => reject(new Error(`The servers' process ended with ${code}.`)));
    keeper.on("message", (message: KeeperMessage) => {
      if ("said" in message) return say(message.said);
      keeper.removeAllListeners("exit");
      keeper.disconnect();
      keeper.unref();
      if ("failed" in message) reject(new Error(message.failed));
      else resolve(message.started);
    });
  });
}

/** Ends the servers in the background and waits until they are gone. */
export async function stopBackground(): Promise<void> {
  const running = runningServers();
  if (running === undefined) return;
  process.kill(running.pid, "SIGTERM");
  while (runningServers()) await sleep(20);
}
