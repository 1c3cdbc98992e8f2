import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  cruiseOptions,
  enhancedResolveOptions,
  forbidden as rules,
} from "../../.dependency-cruiser.mjs";

const packages = ["util", "storage", "job-queue", "sqlite", "postgres", "indexeddb", "conformance"];

/** Each import is against the house rules, and the rule named beside it says so. */
const forbidden: readonly (readonly [file: string, imported: string, rule: string])[] = [
  ["packages/util/src/a.ts", "@workglow/storage", "util-imports-only-itself"],
  ["packages/storage/src/a.ts", "@workglow/job-queue", "storage-imports-only-util"],
  ["packages/storage/src/b.ts", "@workglow/sqlite", "storage-imports-only-util"],
  ["packages/job-queue/src/a.ts", "@workglow/sqlite", "job-queue-imports-only-util-and-storage"],
  [
    "packages/sqlite/src/a.ts",
    "@workglow/conformance",
    "sqlite-imports-only-util-and-storage-and-job-queue",
  ],
  [
    "packages/postgres/src/a.ts",
    "@workglow/sqlite",
    "postgres-imports-only-util-and-storage-and-job-queue",
  ],
  [
    "packages/indexeddb/src/a.ts",
    "@workglow/postgres",
    "indexeddb-imports-only-util-and-storage-and-job-queue",
  ],
  [
    "packages/conformance/src/a.ts",
    "@workglow/sqlite",
    "conformance-imports-only-util-and-storage-and-job-queue",
  ],
  ["packages/sqlite/src/b.ts", "../../../bench/src/main.ts", "packages-stand-without-examples"],
  ["packages/sqlite/src/c.ts", "../../util/src/index.ts", "packages-meet-by-name"],
  [
    "examples/search/src/a.ts",
    "../../../packages/util/src/index.ts",
    "examples-and-bench-use-published-entries",
  ],
  ["packages/util/src/b.ts", "../test/fixture.ts", "source-imports-no-test"],
  ["packages/util/src/d.ts", "../test-browser/fixture.ts", "source-imports-no-test"],
  ["packages/util/src/c.ts", "node:fs", "portable-packages-import-no-builtin"],
  ["packages/storage/src/c.ts", "node:crypto", "portable-packages-import-no-builtin"],
  ["packages/job-queue/src/b.ts", "fs/promises", "portable-packages-import-no-builtin"],
  ["packages/indexeddb/src/b.ts", "node:buffer", "portable-packages-import-no-builtin"],
  ["packages/storage/src/d.ts", "bun:sqlite", "portable-packages-import-no-bun"],
  ["packages/indexeddb/src/c.ts", "bun:sqlite", "portable-packages-import-no-bun"],
  ["packages/storage/src/e.ts", "node:sqlite", "drivers-of-sqlite-belong-to-it"],
  ["packages/job-queue/src/c.ts", "better-sqlite3", "drivers-of-sqlite-belong-to-it"],
  ["packages/postgres/src/b.ts", "better-sqlite3", "drivers-of-sqlite-belong-to-it"],
  ["packages/conformance/src/b.ts", "bun:sqlite", "drivers-of-sqlite-belong-to-it"],
  ["packages/storage/src/h.ts", "pg", "drivers-of-postgres-belong-to-it"],
  ["packages/indexeddb/src/d.ts", "pg", "drivers-of-postgres-belong-to-it"],
  ["packages/storage/src/i.ts", "idb", "drivers-of-indexeddb-belong-to-it"],
  ["packages/sqlite/src/d.ts", "idb", "drivers-of-indexeddb-belong-to-it"],
  ["packages/conformance/src/c.ts", "node:test", "test-runners-belong-to-adapters"],
  ["packages/conformance/src/d.ts", "bun:test", "test-runners-belong-to-adapters"],
  ["packages/conformance/src/vitest.ts", "node:test", "vitest-adapter-imports-one-runner"],
  ["packages/conformance/src/bun.ts", "node:test", "bun-adapter-imports-one-runner"],
  ["packages/conformance/src/node.ts", "bun:test", "node-adapter-imports-one-runner"],
  ["packages/conformance/src/e.ts", "node:fs", "suites-import-no-builtin"],
  ["packages/storage/src/f.ts", "undeclared", "dependencies-are-declared"],
  ["packages/storage/src/g.ts", "./missing.ts", "no-unresolvable"],
];

/** Imports that the rules must let through, or they would be of no use. */
const allowed: readonly (readonly [file: string, imported: string])[] = [
  ["packages/storage/src/ok.ts", "@workglow/util"],
  ["packages/job-queue/src/ok.ts", "@workglow/storage"],
  ["packages/sqlite/src/ok.ts", "@workglow/job-queue"],
  ["packages/sqlite/src/driver.ts", "node:sqlite"],
  ["packages/indexeddb/src/ok.ts", "@workglow/job-queue"],
  ["packages/indexeddb/src/driver.ts", "idb"],
  ["packages/indexeddb/test-browser/ok.test.ts", "@workglow/conformance"],
  ["packages/conformance/src/ok.ts", "@workglow/job-queue"],
  ["packages/util/src/async/asyncContext.node.ts", "node:async_hooks"],
  ["examples/search/src/ok.ts", "@workglow/sqlite"],
  ["bench/src/ok.ts", "@workglow/storage"],
  ["packages/storage/test/ok.test.ts", "@workglow/conformance"],
];

let root: string;
let violations: Set<string>;
let filesWithViolations: Set<string>;

/** A driver of ours is a plain dependency where it is not the user's choice. */
const manifestOf = (name: string) => ({
  exports: "./src/index.ts",
  dependencies: name === "indexeddb" ? { idb: "*" } : {},
});

function write(file: string, text: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "workglow-rules-"));
  for (const name of packages) {
    write(`packages/${name}/package.json`, JSON.stringify(manifestOf(name)));
    write(`packages/${name}/src/index.ts`, "export {};\n");
    mkdirSync(join(root, "node_modules/@workglow"), { recursive: true });
    symlinkSync(join(root, "packages", name), join(root, "node_modules/@workglow", name));
  }
  for (const library of ["better-sqlite3", "pg", "idb", "undeclared"]) {
    write(`node_modules/${library}/package.json`, JSON.stringify({ main: "index.js" }));
    write(`node_modules/${library}/index.js`, "");
  }
  write("package.json", "{}");
  write("tsconfig.base.json", "{}");
  write("packages/util/test/fixture.ts", "export {};\n");
  write("packages/util/test-browser/fixture.ts", "export {};\n");
  write("bench/src/main.ts", "export {};\n");
  write("packages/util/src/ring/one.ts", 'export { two } from "./two.ts";\n');
  write("packages/util/src/ring/two.ts", 'import "./one.ts";\nexport const two = 2;\n');
  for (const [file, imported] of [...forbidden, ...allowed]) write(file, `import "${imported}";\n`);

  const { output } = await cruise(
    ["packages", "examples", "bench"],
    { ...cruiseOptions, baseDir: root, validate: true, ruleSet: { forbidden: rules } },
    enhancedResolveOptions,
  );
  const found = (output as ICruiseResult).summary.violations;
  violations = new Set(found.map(({ from, rule }) => `${from}: ${rule.name}`));
  filesWithViolations = new Set(found.map(({ from }) => from));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("dependency rules", () => {
  test.each(forbidden)("%s must not import %s", (file, _imported, rule) => {
    expect([...violations]).toContain(`${file}: ${rule}`);
  });

  test.each(allowed)("%s may import %s", (file) => {
    expect([...filesWithViolations]).not.toContain(file);
  });

  test("a cycle is refused", () => {
    expect([...violations]).toContain("packages/util/src/ring/one.ts: no-circular");
  });

  test("every rule is shown to fire", () => {
    const shown = new Set([...forbidden.map(([, , rule]) => rule), "no-circular"]);
    expect(rules.map(({ name }) => name).filter((n) => !shown.has(n))).toEqual([]);
  });
});
