import { type SpawnOptionsWithoutStdio, spawn } from "node:child_process";

/**
 * Runs a program to its end and gives what it wrote to standard output.
 *
 * @throws Error with what it wrote, where it cannot be started or ends with another code than 0.
 */
export function runToEnd(
  file: string,
  args: readonly string[],
  { input, ...options }: SpawnOptionsWithoutStdio & { input?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: "pipe" });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    const fail = (cause: string) =>
      reject(new Error([`${file} ${args[0]}: ${cause}`, output, errors].join("\n").trim()));
    child.on("error", (error) => fail(error.message));
    // A program that ends before it has read its input says so by its exit code.
    child.stdin.on("error", () => {});
    child.on("close", (code, signal) =>
      code === 0 ? resolve(output) : fail(`ended with ${signal ?? code}`),
    );
    child.stdin.end(input);
  });
}
