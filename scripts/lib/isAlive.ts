import { existsSync, readFileSync } from "node:fs";

/** Whether a process with this number runs, whosever it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isZombie(pid);
}

/** An orphan that has ended keeps its number until init takes note, which some containers' never do. */
function isZombie(pid: number) {
  const path = `/proc/${pid}/stat`;
  // After the name of the program, which may hold anything, comes the state.
  return existsSync(path) && /\) Z [^)]*$/.test(readFileSync(path, "utf8"));
}
