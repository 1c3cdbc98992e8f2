// Imports run one way: util ← storage ← job-queue ← vendors ← examples, bench.
// A new vendor package is covered as soon as it stands in `driversOf`.

/** The vendors' packages, each with what it alone may load. */
const driversOf = {
  sqlite: ["better-sqlite3", "sqlite-vec", "(node:)?sqlite", "bun:sqlite"],
  postgres: ["pg", "@electric-sql/pglite"],
  indexeddb: ["idb"],
};
const vendors = Object.keys(driversOf);

/** @param {string[]} names */
const anyOf = (names) => `(?:${names.join("|")})`;
/** @param {string[]} names */
const source = (...names) => `^packages/${anyOf(names)}/src/`;
const tests = "/test(-browser|-bun|-node)?/";

/**
 * @typedef {import("dependency-cruiser").IRegularForbiddenRuleType} Rule
 *
 * @param {string} name
 * @param {string} comment what to do instead
 * @param {Rule["from"]} from
 * @param {Rule["to"]} to
 * @returns {Rule & { name: string }}
 */
const refuse = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/**
 * `packages/NAME/src` imports, of this repository's packages, only those allowed and itself.
 *
 * @param {string} name
 * @param {string[]} allowed
 */
const onlyImports = (name, allowed) =>
  refuse(
    `${name}-imports-only-${allowed.join("-and-") || "itself"}`,
    `Of our packages, packages/${name} may import ${allowed.join(", ") || "none"}.`,
    { path: source(name) },
    { path: "^packages/", pathNot: `^packages/${anyOf([name, ...allowed])}/` },
  );

/**
 * @param {string} adapter a file of packages/conformance/src
 * @param {string[]} otherRunners
 */
const onlyRunner = (adapter, otherRunners) =>
  refuse(
    `${adapter}-adapter-imports-one-runner`,
    `conformance/src/${adapter}.ts imports no other test runner than its own.`,
    { path: `^packages/conformance/src/${adapter}\\.ts$` },
    { path: otherRunners },
  );

const nodeTest = "^(node:)?test$";
const bunTest = "^bun:test$";
const vitest = "node_modules/vitest/";

export const forbidden = [
  refuse(
    "no-circular",
    "A cycle hides which module rests on which; types alone may refer to each other.",
    {},
    { circular: true, viaOnly: { dependencyTypesNot: ["type-only", "type-import"] } },
  ),
  refuse(
    "no-unresolvable",
    "The import leads nowhere: a typing error, or a dependency that is not declared.",
    {},
    { couldNotResolve: true, pathNot: "^bun:" },
  ),
  onlyImports("util", []),
  onlyImports("storage", ["util"]),
  onlyImports("job-queue", ["util", "storage"]),
  ...vendors.map((vendor) => onlyImports(vendor, ["util", "storage", "job-queue"])),
  onlyImports("conformance", ["util", "storage", "job-queue"]),
  refuse(
    "packages-stand-without-examples",
    "Examples and benchmarks rest on the packages, never the other way round.",
    { path: "^packages/" },
    { path: ["^examples/", "^bench/"] },
  ),
  refuse(
    "examples-and-bench-use-published-entries",
    "Import a package by its name, as a user would.",
    { path: ["^examples/", "^bench/"] },
    { path: "^packages/", dependencyTypes: ["local"] },
  ),
  refuse(
    "packages-meet-by-name",
    "A relative path into another package bypasses its exports.",
    { path: "^packages/([^/]+)/" },
    { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
  ),
  refuse(
    "source-imports-no-test",
    "What both source and tests need belongs to the source.",
    { path: "/src/" },
    { path: tests },
  ),
  refuse(
    "portable-packages-import-no-builtin",
    "util, storage, job-queue and indexeddb run in browsers.",
    {
      path: source("util", "storage", "job-queue", "indexeddb"),
      pathNot: "^packages/util/src/(async/asyncContext|values/sha256)\\.node\\.ts$",
    },
    { dependencyTypes: ["core"] },
  ),
  refuse(
    "portable-packages-import-no-bun",
    "util, storage, job-queue and indexeddb run in browsers.",
    { path: source("util", "storage", "job-queue", "indexeddb") },
    { path: "^bun(:|$)" },
  ),
  ...Object.entries(driversOf).map(([vendor, drivers]) =>
    refuse(
      `drivers-of-${vendor}-belong-to-it`,
      `Only packages/${vendor} loads ${drivers.join(", ")}; all others take what it exports.`,
      { path: "^packages/", pathNot: [source(vendor), tests] },
      { path: [`^${anyOf(drivers)}$`, `node_modules/${anyOf(drivers)}/`] },
    ),
  ),
  refuse(
    "test-runners-belong-to-adapters",
    "The suites are plain data; a runner is imported by its own adapter alone.",
    {
      path: source("conformance"),
      pathNot: "^packages/conformance/src/(vitest|bun|node)\\.ts$",
    },
    { path: [nodeTest, bunTest, vitest] },
  ),
  onlyRunner("vitest", [nodeTest, bunTest]),
  onlyRunner("bun", [nodeTest, vitest]),
  onlyRunner("node", [bunTest, vitest]),
  refuse(
    "suites-import-no-builtin",
    "The same cases run in browsers.",
    {
      path: source("conformance"),
      pathNot: "^packages/conformance/src/(bun|node)\\.ts$",
    },
    { dependencyTypes: ["core"] },
  ),
  refuse(
    "dependencies-are-declared",
    "What is published lists what it imports; a peer counts, a development dependency does not.",
    { path: "^packages/[^/]+/src/" },
    {
      dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
      // An optional peer is a development dependency as well, so that the tests have it.
      dependencyTypesNot: ["npm-peer"],
    },
  ),
];

export const enhancedResolveOptions = {
  exportsFields: ["exports"],
  conditionNames: ["@workglow/source", "import", "node", "default", "types"],
  extensions: [".ts", ".mjs", ".js", ".json", ".d.ts"],
};

export const cruiseOptions = {
  doNotFollow: { path: "node_modules" },
  exclude: { path: "(^|/)(dist|reports)/" },
  tsPreCompilationDeps: true,
  detectProcessBuiltinModuleCalls: true,
};

export default {
  forbidden,
  options: {
    ...cruiseOptions,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions,
  },
};
