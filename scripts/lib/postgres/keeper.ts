// Holds servers in the background until it is told to end. Its argument: `KeeperOptions` as JSON.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  type KeeperMessage,
  type KeeperOptions,
  type KeeperState,
  stateFile,
} from "./background.ts";
import { startTestServers } from "./startTestServers.ts";

function tell(message: KeeperMessage) {
  return new Promise<void>((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(message, () => resolve());
  });
}

try {
  const options: KeeperOptions = JSON.parse(process.argv[2] ?? "{}");
  const { embedded, debian, notRun, close } = await startTestServers({
    ...options,
    say: (said) => void tell({ said }),
  });
  const urls = [debian, embedded].flatMap((server) =>
    server ? [{ title: server.program.title, url: server.url }] : [],
  );
  mkdirSync(dirname(stateFile), { recursive: true });
  const state: KeeperState = { pid: process.pid, urls, notRun };
  writeFileSync(stateFile, JSON.stringify(state));
  process.on("SIGTERM", async () => {
    await close();
    rmSync(stateFile, { force: true });
    process.exit(0);
  });
  await tell({ started: { urls, notRun } });
  // The servers do not keep this process alive by themselves.
  setInterval(() => {}, 2 ** 30);
} catch (error) {
  await tell({ failed: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
