import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { browserProjects } from "./browserProjects.mjs";
import { checkPackaging } from "./packaging.mjs";
import { binFolder, node, oldestNode, reportsFolder, root, testFolders } from "./paths.mjs";
import { run } from "./run.mjs";
import { readJunitReport, readVitestReport } from "./testReports.mjs";

/**
 * @typedef {object} StepResult
 * @property {boolean} ok
 * @property {number} [passed] tests
 * @property {number} [failed] tests
 * @property {string[]} [notRun] what this machine could not do, and why
 *
 * @typedef {object} Step
 * @property {string} name as it is given to `npm test -- NAME…`
 * @property {string} title
 * @property {() => Promise<StepResult>} run
 */

/** @type {readonly Step[]} */
export const steps = [
  {
    name: "lint",
    title: "lint and format (biome)",
    run: () => tool("biome", ["check", "--error-on-warnings", "."]),
  },
  {
    name: "deps",
    title: "direction of imports (dependency-cruiser)",
    run: () =>
      tool("depcruise", ["--config", ".dependency-cruiser.mjs", "packages", "examples", "bench"]),
  },
  {
    name: "unused",
    title: "unused code and dependencies (knip)",
    run: () => tool("knip", ["--no-progress"]),
  },
  {
    name: "types",
    title: "types and type tests (tsc)",
    run: () => tool("tsc", ["-b", "--pretty", "false"]),
  },
  { name: "tests", title: "tests on Node (vitest)", run: runOnNode },
  { name: "browser", title: "tests in Chromium (vitest)", run: runInBrowser },
  { name: "bun", title: "conformance on Bun (bun test)", run: runBun },
  { name: "oldest", title: "conformance on the oldest Node (node:test)", run: runOldestNode },
  {
    name: "packaging",
    title: "packed packages (publint, arethetypeswrong, users' programs, bundles)",
    run: async () => ({ ok: await checkPackaging() }),
  },
  {
    name: "size",
    title: "size of the browser entries (size-limit)",
    run: () => tool("size-limit", []),
  },
];

/**
 * @param {string} name
 * @param {string[]} args
 * @returns {Promise<StepResult>}
 */
async function tool(name, args) {
  const { ok } = await run(join(binFolder, name), args);
  return { ok };
}

async function runOnNode() {
  const serversNotRun = freshReport("postgres-not-run.json");
  const result = await runVitest("vitest.json", [], { WORKGLOW_TESTS: "node" });
  return { ...result, notRun: [...(result.notRun ?? []), ...readLines(serversNotRun)] };
}

async function runInBrowser() {
  const chromium = join(root, "scripts/lib/chromium/main.ts");
  const found = await run(node, [chromium], { quiet: true });
  if (!found.ok) return unavailable("tests in Chromium", found.output);
  return runVitest("browser.json", browserProjects);
}

/**
 * @param {string} reportName
 * @param {string[]} projects patterns of their names; none for all that there are
 * @param {Record<string, string>} [env]
 */
async function runVitest(reportName, projects, env = {}) {
  const report = freshReport(reportName);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const chosen = projects.flatMap((project) => ["--project", project]);
  const { ok } = await run(join(binFolder, "vitest"), ["run", ...reporters, ...chosen], { env });
  return testResult(ok, readVitestReport(report));
}

async function runBun() {
  const folders = testFolders("test-bun");
  const bun = join(binFolder, "bun");
  const version = await run(bun, ["--version"], { quiet: true });
  if (!version.ok) return unavailable("tests on Bun", `Bun does not start here: ${version.output}`);
  const report = freshReport("bun.xml");
  const { ok } = await run(bun, [
    "test",
    "--conditions=@workglow/source",
    "--timeout=20000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...folders,
  ]);
  return testResult(ok && folders.length > 0, readJunitReport(report));
}

async function runOldestNode() {
  const folders = testFolders("test-node");
  const report = freshReport("oldest-node.xml");
  const { ok } = await run(oldestNode, [
    "--test",
    "--test-reporter=dot",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${report}`,
    ...folders.map((folder) => join(folder, "*.test.ts")),
  ]);
  return testResult(ok && folders.length > 0, readJunitReport(report));
}

/**
 * @param {boolean} ok
 * @param {import("./testReports.mjs").TestCounts | undefined} counts
 * @returns {StepResult}
 */
function testResult(ok, counts) {
  const { passed, failed, notRun } = counts ?? { passed: 0, failed: 0, notRun: [] };
  return { ok: ok && failed === 0 && passed > 0, passed, failed, notRun };
}

/**
 * Where nothing may be left out (WORKGLOW_RUN_ALL), what cannot run is a failure.
 *
 * @param {string} what
 * @param {string} why
 * @returns {StepResult}
 */
function unavailable(what, why) {
  return { ok: !process.env.WORKGLOW_RUN_ALL, notRun: [`${what}: ${why.trim()}`] };
}

/**
 * @param {string} path a JSON list of lines
 * @returns {string[]}
 */
function readLines(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
}

/** @param {string} name */
function freshReport(name) {
  const path = join(reportsFolder, name);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  return path;
}
