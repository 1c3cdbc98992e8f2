import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Generous: a deadline only ends what would hang for ever. */
const ANSWER_LIMIT_MS = 60_000;

/** A forked program beside the tests (`NAME.child.ts`), killed when the test ends. */
export class Child {
  public readonly process: ChildProcess;
  private readonly inbox: unknown[] = [];
  private readonly waiting: ((message: unknown) => void)[] = [];

  public constructor(program: string, ...args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(`./${program}.child.ts`, import.meta.url));
    this.process = fork(path, args.map(String), {
      execArgv: ["--conditions=@workglow/source"],
      stdio: "inherit",
    });
    this.process.on("message", (message) => {
      const next = this.waiting.shift();
      if (next === undefined) this.inbox.push(message);
      else next(message);
    });
    // A killed child's pipe may break under a message.
    this.process.on("error", () => undefined);
    onTestFinished(() => void this.process.kill("SIGKILL"));
  }

  public get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  public send(message: object | string): void {
    this.process.send(message as object);
  }

  /** The child's next message; rejects when it ends before. */
  public message<T = unknown>(limitMs = ANSWER_LIMIT_MS): Promise<T> {
    if (this.inbox.length > 0) return Promise.resolve(this.inbox.shift() as T);
    if (!this.running) return Promise.reject(new Error(`the child ended with ${this.ending}`));
    return new Promise<T>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.process.off("exit", onExit);
      };
      const receive = (message: unknown): void => {
        settle();
        resolve(message as T);
      };
      const giveUp = (why: string): void => {
        settle();
        this.waiting.splice(this.waiting.indexOf(receive), 1);
        reject(new Error(why));
      };
      const onExit = (): void => giveUp(`the child ended with ${this.ending}`);
      const timer = setTimeout(() => giveUp("the child does not answer"), limitMs);
      this.process.once("exit", onExit);
      this.waiting.push(receive);
    });
  }

  /** Waits for the end; gives the exit code, or the signal that ended it. */
  public async exited(): Promise<number | string> {
    if (this.running) await once(this.process, "exit");
    return this.ending;
  }

  public async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited();
  }

  private get ending(): number | string {
    return this.process.exitCode ?? this.process.signalCode ?? "nothing";
  }
}
