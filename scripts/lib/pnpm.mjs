import { run } from "./run.mjs";

const version = "12.21.0";

/**
 * Runs pnpm, which npx fetches on first use.
 *
 * @param {readonly string[]} args
 * @returns {Promise<import("./run.mjs").RunResult>}
 */
export function pnpm(args) {
  return run("npx", ["-y", `pnpm@${version}`, ...args], {
    quiet: true,
    // With CI pnpm asks nothing; .npmrc keeps npm silent, but here its errors are wanted.
    env: { CI: "true", npm_config_loglevel: "error" },
  });
}
