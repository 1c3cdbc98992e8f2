import { readFileSync } from "node:fs";
import { isRoot } from "../isRoot.ts";
import type { UserIds } from "./PostgresProgram.ts";

/** Whom root lends a server to: `postgres` where the machine has that user, else `nobody`. */
export function serverUser(): UserIds | undefined {
  if (!isRoot) return undefined;
  const users = readFileSync("/etc/passwd", "utf8");
  for (const name of ["postgres", "nobody"]) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, "m").exec(users) ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65534, gid: 65534 };
}
