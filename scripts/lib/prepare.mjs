import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { node, packageFolders, root } from "./paths.mjs";
import { pnpm } from "./pnpm.mjs";
import { run } from "./run.mjs";

/** @typedef {(line: string) => void} Say */

export class SetupError extends Error {}

/**
 * Brings this checkout to where every package's `exports` lead to built files: the tools
 * (a newer Node among them), the dependencies, the build. Does nothing where all of it is there.
 *
 * @param {Say} say
 */
export async function prepare(say) {
  const installed = await install(say);
  await build(installed, say);
}

/**
 * @param {Say} say
 * @returns {Promise<string>} the digest of what the installation follows from
 */
async function install(say) {
  const stamp = join(root, "node_modules/.installed");
  const digest = digestOf(manifests(), [process.platform, process.arch]);
  if (readStamp(stamp) === digest && existsSync(node)) return digest;

  say("Setup 1/2: fetching pnpm, a newer Node and the dependencies (about a minute) …");
  const started = Date.now();
  const { ok, output } = await pnpm(["install", "--frozen-lockfile"]);
  if (!ok) throw new SetupError(`The installation failed.\n${output}`);
  const version = await run(node, ["--version"], { quiet: true });
  if (!version.ok) throw new SetupError(`The installed Node does not start.\n${version.output}`);
  writeFileSync(stamp, digest);
  say(`Setup 1/2: done in ${seconds(started)}, tools run on Node ${version.output.trim()}.`);
  return digest;
}

/**
 * @param {string} installed
 * @param {Say} say
 */
async function build(installed, say) {
  const stamp = join(root, "node_modules/.built");
  const digest = digestOf(sources(), [installed]);
  if (readStamp(stamp) === digest && missingEntries().length === 0) return;

  say("Setup 2/2: building the packages …");
  const started = Date.now();
  rmSync(stamp, { force: true });
  for (const folder of packageFolders()) removeStaleOutputs(folder);
  await compile([]);
  // tsc trusts its build info even where an output was deleted by hand.
  if (missingEntries().length > 0) await compile(["--force"]);
  const missing = missingEntries();
  if (missing.length > 0) {
    throw new SetupError(`The build left these exports without a file:\n${missing.join("\n")}`);
  }
  writeFileSync(stamp, digest);
  say(`Setup 2/2: done in ${seconds(started)}.`);
}

/** @param {string[]} flags */
async function compile(flags) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { ok, output } = await run(node, [tsc, "-b", ...flags, ...packageFolders()], {
    quiet: true,
  });
  if (!ok) throw new SetupError(`The build failed.\n${output}`);
}

/**
 * A renamed source would otherwise live on in `dist` and in the published package.
 *
 * @param {string} folder
 */
function removeStaleOutputs(folder) {
  const dist = join(folder, "dist");
  for (const path of filesBelow(dist)) {
    const source = join(folder, "src", relative(dist, path)).replace(
      /(\.d\.ts|\.js)(\.map)?$/,
      ".ts",
    );
    if (!path.endsWith(".tsbuildinfo") && !existsSync(source)) rmSync(path);
  }
}

/** @returns {string[]} the files that the packages' `exports` and `imports` name but that are not there */
function missingEntries() {
  return packageFolders().flatMap((folder) => {
    const { exports, imports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return targetsIn([exports, imports])
      .map((target) => join(folder, target))
      .filter((path) => !existsSync(path))
      .map((path) => relative(root, path));
  });
}

/**
 * @param {unknown} value
 * @returns {string[]}
 */
function targetsIn(value) {
  if (typeof value === "string") return [value];
  return value && typeof value === "object" ? Object.values(value).flatMap(targetsIn) : [];
}

function manifests() {
  const workspace = ["packages", "examples"]
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .concat(root, join(root, "bench"), join(root, "scripts/oldest-node"))
    .map((folder) => join(folder, "package.json"))
    .filter((path) => existsSync(path));
  return [...workspace, join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml")];
}

function sources() {
  return [
    join(root, "tsconfig.base.json"),
    ...packageFolders().flatMap((folder) => [
      join(folder, "package.json"),
      join(folder, "tsconfig.json"),
      ...filesBelow(join(folder, "src")),
    ]),
  ];
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * @param {string[]} paths
 * @param {string[]} facts
 */
function digestOf(paths, facts) {
  const hash = createHash("sha256").update(JSON.stringify(facts));
  for (const path of paths) {
    hash.update(relative(root, path)).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

/** @param {string} path */
function readStamp(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** @param {number} started */
function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
