import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runToEnd } from "../../../../scripts/lib/runToEnd.ts";

/**
 * Ends a process that leads a group and all of the group at once, as a crash or a power failure
 * does, and waits until they are gone.
 */
export async function killGroup(leader: number): Promise<void> {
  if (process.platform === "win32") {
    await runToEnd("taskkill", ["/pid", String(leader), "/T", "/F"]);
    return;
  }
  process.kill(-leader, "SIGKILL");
  while (groupLives(leader)) await sleep(5);
}

/** Whether any process of a group is still at work. */
export function groupLives(leader: number): boolean {
  if (existsSync("/proc/self/stat")) return isAtWork(leader);
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

function isAtWork(leader: number): boolean {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.some((pid) => {
    // After the name of the program, which may hold anything, come state, parent and group.
    const [, state, group] = /.*\) (\S) \d+ (\d+) /s.exec(statOf(pid)) ?? [];
    return Number(group) === leader && (state !== "Z" || hasThreads(pid));
  });
}

/**
 * One that has ended but whose parent took no note is in state "Z". Those of its threads that wait
 * for the disk may come later, and hold its files and their locks until then.
 */
function hasThreads(pid: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // It has ended since the folder was read.
    return "";
  }
}
