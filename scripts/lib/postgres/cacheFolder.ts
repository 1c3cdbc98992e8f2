import { chmodSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isRoot } from "../isRoot.ts";

/**
 * What is fetched once and kept between runs, outside of the checkout. Root's lies where the user
 * that runs a server can reach it, which is not so for root's home.
 */
export const cacheFolder =
  process.env.WORKGLOW_CACHE || join(systemCacheFolder(), "workglow-storage");

function systemCacheFolder(): string {
  if (isRoot) return "/var/cache";
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME;
  return join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
}

/** Makes a folder that the user of a server can enter, whatever umask this process has. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  if (isRoot) chmodSync(path, 0o755);
}
