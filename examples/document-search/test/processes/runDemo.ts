import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Report } from "@workglow/example-document-search-core";
import { expect } from "vitest";

const main = resolve(import.meta.dirname, "../../src/main.ts");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Variables of the environment beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Node's own. */
  readonly nodeArgs?: readonly string[];
}

/** Starts the program, as `npm run demo` does. */
export function startDemo(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const { env = {}, nodeArgs = [] } = options;
  const nodeOptions = ["--conditions=@workglow/source", "--no-warnings", ...nodeArgs];
  return spawn(process.execPath, [...nodeOptions, main, ...args], {
    env: { ...process.env, DATABASE_URL: "", ...env },
  });
}

export async function runDemo(args: readonly string[], options?: RunOptions): Promise<Ended> {
  const child = startDemo(args, options);
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data) => (stdout += data));
  child.stderr?.on("data", (data) => (stderr += data));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** What the program printed; fails unless it ended well and without a complaint. */
export async function printed(args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await runDemo(args, options);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

/** What `--json` printed. */
export async function reported(args: readonly string[]): Promise<Report> {
  return JSON.parse(await printed([...args, "--json"])) as Report;
}
