import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runToEnd } from "../runToEnd.ts";
import { freePort } from "./freePort.ts";
import { invocationOf, type PostgresProgram, seenByProgram } from "./PostgresProgram.ts";
import type { PostgresSettings, StopMode } from "./supervision.ts";

const startLimitMs = 60_000;
const stopLimitMs = 20_000;

/** How a postmaster is told the modes of `pg_ctl stop`. */
const signals = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

const defaults: PostgresSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: 200,
  timezone: "UTC",
  log_timezone: "UTC",
  // Needs no /dev/shm, and leaves nothing behind outside of the data folder.
  dynamic_shared_memory_type: "mmap",
};

/** One data folder and the server on it; belongs to the process that made it. */
export class Cluster {
  public readonly logFile: string;
  public port = 0;
  private readonly program: PostgresProgram;
  private readonly folder: string;
  private readonly dataFolder: string;
  private server: ChildProcess | undefined;

  public constructor(program: PostgresProgram) {
    this.program = program;
    this.folder = join(
      program.runsFolder,
      `${hostname()}~${process.pid}~${randomBytes(4).toString("hex")}`,
    );
    this.dataFolder = join(this.folder, "data");
    this.logFile = join(this.folder, "server.log");
  }

  /** Makes the data folder, and in it the databases that `PostgresServer` names. */
  public async create(): Promise<void> {
    mkdirSync(this.folder);
    const { user } = this.program;
    if (user) chownSync(this.folder, user.uid, user.gid);
    await this.run("initdb", [
      `--pgdata=${seenByProgram(this.program, this.dataFolder)}`,
      "--username=postgres",
      "--auth=trust",
      "--encoding=UTF8",
      // The same on every machine, whatever locales it has.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-sync",
      "--no-instructions",
    ]);
    await this.runSql(
      "postgres",
      "CREATE DATABASE workglow TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'",
    );
    if (this.program.hasVector) await this.runSql("workglow", "CREATE EXTENSION vector");
  }

  /** Resolves as soon as the server accepts connections. The port stays the same from then on. */
  public async start(settings: PostgresSettings): Promise<void> {
    if (this.isRunning()) throw new Error("The server is running already.");
    if (this.port !== 0) return this.startOn(this.port, settings);
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      try {
        await this.startOn(port, settings);
        this.port = port;
        return;
      } catch (error) {
        const isTaken = String(error).includes("Address already in use");
        if (!isTaken || attempt === 5) throw error;
      }
    }
  }

  public async stop(mode: StopMode): Promise<void> {
    const { server } = this;
    if (server === undefined || !this.isRunning()) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signals[mode]);
    const timer = setTimeout(() => server.kill("SIGKILL"), stopLimitMs);
    await ended;
    clearTimeout(timer);
  }

  public async remove(): Promise<void> {
    await this.stop("immediate");
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private isRunning() {
    return this.server !== undefined && this.server.exitCode === null && !this.server.signalCode;
  }

  private async startOn(port: number, settings: PostgresSettings) {
    const all = Object.entries({ ...defaults, ...settings, port });
    const { file, args, options } = invocationOf(this.program, "postgres", [
      "-D",
      seenByProgram(this.program, this.dataFolder),
      ...all.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ]);
    const log = openSync(this.logFile, "a");
    const server = spawn(file, args, { ...options, stdio: ["ignore", log, log] });
    closeSync(log);
    this.server = server;
    let failure: Error | undefined;
    server.on("error", (error) => {
      failure = error;
    });
    const deadline = Date.now() + startLimitMs;
    while (!this.isReady(server.pid)) {
      if (failure || !this.isRunning()) throw new Error(this.startFailure("ended", failure));
      if (Date.now() > deadline) {
        await this.stop("immediate");
        throw new Error(this.startFailure(`was not ready after ${startLimitMs} ms`));
      }
      await sleep(10);
    }
  }

  /** The postmaster writes how far it is into the last line of its lock file. */
  private isReady(pid: number | undefined) {
    const path = join(this.dataFolder, "postmaster.pid");
    if (!existsSync(path)) return false;
    const lines = readFileSync(path, "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  }

  private startFailure(what: string, cause?: Error) {
    const log = existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
    const lastLines = log.trimEnd().split("\n").slice(-20).join("\n");
    return [`${this.program.title} ${what}.`, cause?.message, lastLines].filter(Boolean).join("\n");
  }

  private run(name: "postgres" | "initdb", args: string[], input?: string) {
    const { file, args: all, options } = invocationOf(this.program, name, args);
    return runToEnd(file, all, { ...options, input });
  }

  /** Runs one statement without a server. */
  private async runSql(database: string, statement: string) {
    await this.run(
      "postgres",
      [
        "--single",
        "-D",
        seenByProgram(this.program, this.dataFolder),
        "-c",
        "fsync=off",
        // Makes a failed statement end the program.
        "-c",
        "exit_on_error=on",
        database,
      ],
      `${statement};\n`,
    );
  }
}
