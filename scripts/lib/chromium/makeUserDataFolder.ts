import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../isAlive.ts";

const prefix = "workglow-chromium~";

/** A new folder for what a browser stores, which goes when this process ends. */
export function makeUserDataFolder(): string {
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${hostname()}~${process.pid}~`));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A test run that was killed leaves its folder behind. */
function removeAbandoned() {
  for (const name of readdirSync(tmpdir()).filter((folder) => folder.startsWith(prefix))) {
    const [, host, owner] = name.split("~");
    if (host === hostname() && !isAlive(Number(owner))) {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}
