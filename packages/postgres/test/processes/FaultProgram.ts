import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/**
 * A program that works on a database while the test breaks things around it, noting what was
 * acknowledged to it in a file that nothing happens to.
 */
export class FaultProgram {
  public readonly process: ChildProcess;
  public readonly log: string;
  private readonly answers: unknown[] = [];
  private onAnswer: (() => void) | undefined;

  /** @param program `NAME.child.ts` beside this file; gets the URL, the log and the arguments */
  public constructor(program: string, url: string, ...args: readonly (string | number)[]) {
    const folder = mkdtempSync(join(tmpdir(), "workglow-faults-"));
    this.log = join(folder, "acknowledged.txt");
    const path = fileURLToPath(new URL(`./${program}.child.ts`, import.meta.url));
    this.process = fork(path, [url, this.log, ...args.map(String)], {
      execArgv: ["--conditions=@workglow/source"],
      stdio: "inherit",
    });
    this.process.on("message", (answer) => {
      this.answers.push(answer);
      this.onAnswer?.();
    });
    this.process.on("error", () => undefined);
    onTestFinished(async () => {
      await this.kill();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  public get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The program's next message. */
  public async answer(): Promise<unknown> {
    while (this.answers.length === 0) {
      if (!this.running) throw new Error(`the program ended with ${this.process.exitCode}`);
      await new Promise<void>((resolve) => {
        this.onAnswer = resolve;
        this.process.once("exit", () => resolve());
      });
    }
    return this.answers.shift();
  }

  /** Whole lines: the last one of a killed program may be cut off. */
  public acknowledged(): readonly string[] {
    return readFileSync(this.log, "utf8").split("\n").slice(0, -1);
  }

  /** How many lines are added while `work` goes on. */
  public async acknowledgedDuring(work: Promise<unknown>): Promise<number> {
    const before = this.acknowledged().length;
    await work;
    return this.acknowledged().length - before;
  }

  /** Waits for the program's own end and gives its exit code. */
  public async ended(): Promise<number | null> {
    if (this.running) await once(this.process, "exit");
    return this.process.exitCode;
  }

  public async kill(): Promise<void> {
    if (!this.running) return;
    this.process.kill("SIGKILL");
    await once(this.process, "exit");
  }
}
