import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { cacheFolder, makeFolder } from "../../../../scripts/lib/postgres/cacheFolder.ts";
import { freePort } from "../../../../scripts/lib/postgres/freePort.ts";
import { serverUser } from "../../../../scripts/lib/postgres/serverUser.ts";
import { debianMirror, unpackDebian } from "../../../../scripts/lib/postgres/unpackDebian.ts";

const suite = "trixie";
const root = join(cacheFolder, `debian-${suite}-pgbouncer-${process.arch}`);
const startLimitMs = 10_000;

/** Ends the program when the pipe to it closes, as it does when this process ends, however it does. */
const SUPERVISED = `/usr/sbin/chroot --userspec="$1" "$2" /usr/sbin/pgbouncer "$3" >/dev/null 2>&1 &
pid=$!; cat >/dev/null; kill -9 $pid`;

/** Settings of the section [pgbouncer] by name. */
export type PgBouncerSettings = Readonly<Record<string, string | number>>;

/**
 * pgBouncer in transaction mode before a server: each transaction, and each statement outside of
 * one, may reach another connection of the server. Runs where Debian's PostgreSQL does.
 */
export class PgBouncer implements AsyncDisposable {
  /** Leads to the database of the server's URL. */
  public readonly url: string;
  private readonly child: ChildProcess;
  private readonly file: string;

  private constructor(url: string, child: ChildProcess, file: string) {
    this.url = url;
    this.child = child;
    this.file = file;
  }

  public static async start(
    serverUrl: string,
    settings: PgBouncerSettings = {},
  ): Promise<PgBouncer> {
    if (!existsSync(root)) await install();
    const port = await freePort();
    const name = `/tmp/pgbouncer-${randomBytes(6).toString("hex")}.ini`;
    writeFileSync(join(root, name), configuration(new URL(serverUrl), port, settings));
    const { uid, gid } = serverUser() ?? { uid: 65534, gid: 65534 };
    const child = spawn("sh", ["-c", SUPERVISED, "sh", `${uid}:${gid}`, root, name], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    const url = new URL(serverUrl);
    url.port = String(port);
    const bouncer = new PgBouncer(url.href, child, join(root, name));
    await bouncer.ready();
    return bouncer;
  }

  public async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
    rmSync(this.file, { force: true });
  }

  private async ready(): Promise<void> {
    const deadline = Date.now() + startLimitMs;
    for (;;) {
      const client = new pg.Client({ connectionString: this.url });
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          await this[Symbol.asyncDispose]();
          throw error;
        }
        await sleep(20);
      }
    }
  }
}

function configuration(server: URL, port: number, settings: PgBouncerSettings): string {
  const all = Object.entries({
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "any",
    pool_mode: "transaction",
    default_pool_size: 6,
    max_client_conn: 200,
    // As before version 1.21, which cannot prepare statements under a name.
    max_prepared_statements: 0,
    ...settings,
  });
  return [
    "[databases]",
    `* = host=${server.hostname} port=${server.port} user=${server.username}`,
    "[pgbouncer]",
    ...all.map(([name, value]) => `${name} = ${value}`),
    "",
  ].join("\n");
}

async function install(): Promise<void> {
  const mirror = debianMirror();
  if (mirror === undefined) throw new Error("needs apt with a Debian mirror in its sources");
  makeFolder(cacheFolder);
  const partial = `${root}.${process.pid}`;
  try {
    await unpackDebian({ mirror, suite, folder: partial, packages: ["pgbouncer"] });
    makeFolder(partial);
    // Another run may have been faster; its folder is as good.
    if (!existsSync(root)) renameSync(partial, root);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
