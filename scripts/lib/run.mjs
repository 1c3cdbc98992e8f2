import { spawn } from "node:child_process";
import { delimiter } from "node:path";
import { binFolder, root } from "./paths.mjs";

/**
 * @typedef {object} RunResult
 * @property {boolean} ok whether the program ended with exit code 0
 * @property {string} output what it printed, where `quiet` was asked for
 */

/**
 * The installed tools come first on the PATH, so that `node` means the installed one.
 * A NODE_ENV of "production" would leave out the development dependencies.
 */
function toolEnvironment() {
  const { NODE_ENV: _, ...env } = process.env;
  return { ...env, PATH: `${binFolder}${delimiter}${env.PATH ?? ""}` };
}

/**
 * Runs a program to its end. It never rejects: a program that cannot be started is not ok.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, quiet?: boolean }} [options]
 *   `quiet` collects the output instead of showing it
 * @returns {Promise<RunResult>}
 */
export function run(command, args, { cwd = root, env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...toolEnvironment(), ...env },
      stdio: quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
    });
    let output = "";
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk;
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => resolve({ ok: false, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * Puts a program in this one's place as far as can be done: same terminal, same exit code,
 * signals passed on.
 *
 * @param {string} command
 * @param {readonly string[]} args
 */
export function become(command, args) {
  const child = spawn(command, args, { env: toolEnvironment(), stdio: "inherit" });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("close", (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exitCode = code ?? 1;
  });
}
