import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { TestProjectInlineConfiguration } from "vitest/config";

const root = import.meta.dirname;

const foldersWithTests = ["packages", "examples"]
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
  .concat(join(root, "bench"), join(root, "docs"), join(root, "scripts"))
  .filter((folder) => existsSync(join(folder, "test")));

/** Projects whose tests need PostgreSQL servers: these are started once for all of them. */
const withServers = ["postgres", "document-search", "bench", "docs"];

/**
 * One project per folder that has tests: `vitest --project storage` runs those of one package.
 *
 * Tests that start processes, hold locks or watch the clock lie in `test/processes/`. They run
 * after all others and one file at a time, as they would disturb each other on a small machine.
 */
const projects: TestProjectInlineConfiguration[] = foldersWithTests.flatMap((folder) => {
  const name = basename(folder);
  const globalSetup = withServers.includes(name)
    ? [join(root, "packages/postgres/test/servers/globalSetup.ts")]
    : [];
  return [
    {
      extends: true,
      test: {
        name,
        root: folder,
        globalSetup,
        include: ["test/**/*.test.ts"],
        exclude: ["test/processes/**"],
        sequence: { groupOrder: 0 },
      },
    },
    {
      extends: true,
      test: {
        name: `${name}:processes`,
        root: folder,
        globalSetup,
        include: ["test/processes/**/*.test.ts"],
        sequence: { groupOrder: 1 },
        maxWorkers: 1,
        testTimeout: 120_000,
        hookTimeout: 120_000,
      },
    },
  ];
});

export default projects;
