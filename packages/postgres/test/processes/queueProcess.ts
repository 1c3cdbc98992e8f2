import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { IQueueStorage, IRateLimiterStorage } from "@workglow/job-queue";
import { onTestFinished } from "vitest";

interface Storages {
  readonly queue: IQueueStorage;
  readonly limiter: IRateLimiterStorage;
}

type Method<Storage> = {
  [K in keyof Storage]: Storage[K] extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof Storage] &
  string;

type Answer = { readonly value?: unknown; readonly error?: string };

/** A program beside the tests (`NAME.child.ts`), killed when the test ends. */
export class QueueProcess {
  public readonly child: ChildProcess;
  private readonly answers: Answer[] = [];
  private readonly waiting: ((answer: Answer) => void)[] = [];

  private constructor(program: string, args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(`./${program}.child.ts`, import.meta.url));
    this.child = fork(path, args.map(String), {
      execArgv: ["--conditions=@workglow/source"],
      serialization: "advanced",
      stdio: "inherit",
    });
    const receive = (answer: Answer): void => {
      const next = this.waiting.shift();
      if (next === undefined) this.answers.push(answer);
      else next(answer);
    };
    this.child.on("message", (answer) => receive(answer as Answer));
    this.child.on("exit", (code, signal) => {
      const error = `the process ended with ${code ?? signal}`;
      for (const waiting of this.waiting.splice(0)) waiting({ error });
    });
    // A killed child's pipe may break under a message.
    this.child.on("error", () => undefined);
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** Resolves when the program is ready. */
  public static async start(
    program: string,
    ...args: readonly (string | number)[]
  ): Promise<QueueProcess> {
    const started = new QueueProcess(program, args);
    await started.answer();
    return started;
  }

  /** Calls a method of its storages. */
  public async call<Of extends keyof Storages, Name extends Method<Storages[Of]>>(
    of: Of,
    method: Name,
    ...args: Storages[Of][Name] extends (...args: infer Args) => unknown ? Args : never
  ): Promise<
    Storages[Of][Name] extends (...args: never[]) => Promise<infer Result> ? Result : never
  > {
    this.child.send({ of, method, args });
    return (await this.answer()) as never;
  }

  public send(message: string): void {
    this.child.send(message);
  }

  /** Waits for the end; gives the exit code, or the signal that ended it. */
  public async exited(): Promise<number | string | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode ?? child.signalCode;
  }

  public async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited();
  }

  private async answer(): Promise<unknown> {
    const { value, error } =
      this.answers.shift() ??
      (await new Promise<Answer>((resolve) => {
        this.waiting.push(resolve);
      }));
    if (error !== undefined) throw new Error(error);
    return value;
  }
}
