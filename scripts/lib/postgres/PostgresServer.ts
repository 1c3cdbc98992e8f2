import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { PostgresProgram } from "./PostgresProgram.ts";
import type { Answer, Order, PostgresSettings, StopMode } from "./supervision.ts";

/** For tests: survives a crash of the server, as a commit is in the system's hands by then. */
const testSettings: PostgresSettings = { fsync: false };

/**
 * A PostgreSQL server of one's own on the loopback interface, with an empty data folder that is
 * removed at the end. It does not outlive the process that started it.
 *
 * Everyone may connect without a password; `postgres` is a superuser. Two databases are there:
 * `workglow`, whose strings are sorted by ICU's English rules, and `postgres`, which sorts them by
 * code point.
 */
export class PostgresServer implements AsyncDisposable {
  public readonly program: PostgresProgram;
  public readonly port: number;
  /** What the server logs; removed with the data. */
  public readonly logFile: string;
  private readonly supervisor: Supervisor;
  private readonly settings: PostgresSettings;

  private constructor(
    program: PostgresProgram,
    supervisor: Supervisor,
    settings: PostgresSettings,
    { port, logFile }: { port: number; logFile: string },
  ) {
    this.program = program;
    this.supervisor = supervisor;
    this.settings = settings;
    this.port = port;
    this.logFile = logFile;
  }

  /**
   * Makes a data folder and starts a server on it; resolves when it accepts connections.
   *
   * @param settings as in postgresql.conf; `fsync` is off unless given
   */
  public static async start(
    program: PostgresProgram,
    settings: PostgresSettings = {},
  ): Promise<PostgresServer> {
    const supervisor = new Supervisor();
    const all = { ...testSettings, ...settings };
    try {
      await supervisor.order({ order: "create", program });
      const started = await supervisor.order({ order: "start", settings: all });
      return new PostgresServer(program, supervisor, all, started);
    } catch (error) {
      await supervisor.leave();
      throw error;
    }
  }

  /** The database `workglow` as superuser. */
  public get url(): string {
    return this.urlOf({});
  }

  public urlOf({
    database = "workglow",
    user = "postgres",
  }: {
    database?: string;
    user?: string;
  }): string {
    return `postgres://${encodeURIComponent(user)}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Stops the server and keeps its data. Does nothing where it is stopped. */
  public async stop(mode: StopMode = "fast"): Promise<void> {
    await this.supervisor.order({ order: "stop", mode });
  }

  /**
   * Starts the stopped server again, on the same data and the same port.
   *
   * @param settings in addition to those of the first start
   */
  public async start(settings: PostgresSettings = {}): Promise<void> {
    await this.supervisor.order({ order: "start", settings: { ...this.settings, ...settings } });
  }

  /** Stops the server and removes its data. */
  public async close(): Promise<void> {
    await this.supervisor.leave();
  }

  public async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The process that owns a server; see supervisor.ts. */
class Supervisor {
  private readonly child: ChildProcess;
  private last: Promise<unknown> = Promise.resolve();

  public constructor() {
    this.child = fork(join(import.meta.dirname, "supervisor.ts"), [], {
      // A session of its own: Ctrl-C in a terminal is for the parent, which ends in its own time.
      detached: true,
      execArgv: [],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.child.on("error", () => {});
    // A parent that has nothing else to do ends, and the supervisor with it.
    this.child.unref();
    this.child.channel?.unref();
  }

  public order(order: Order): Promise<{ port: number; logFile: string }> {
    const answered = this.last.then(() => this.send(order));
    this.last = answered.catch(() => {});
    return answered;
  }

  public async leave(): Promise<void> {
    await this.last;
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.ref();
    if (this.child.connected) this.child.disconnect();
    await ended;
  }

  private async send(order: Order) {
    const { child } = this;
    child.ref();
    child.channel?.ref();
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        const gone = () => reject(new Error("The server's supervisor has ended."));
        if (!child.connected) return gone();
        child.once("exit", gone);
        child.once("message", (message) => {
          child.off("exit", gone);
          resolve(message as Answer);
        });
        child.send(order);
      });
      if (!answer.ok) throw new Error(answer.message);
      return answer;
    } finally {
      child.unref();
      child.channel?.unref();
    }
  }
}
