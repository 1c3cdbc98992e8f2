import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { browserProjects } from "./scripts/lib/browserProjects.mjs";
import { chromiumProvider } from "./scripts/lib/chromium/chromiumProvider.ts";

const root = import.meta.dirname;

const folders = ["packages", "examples"]
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
  .concat(join(root, "bench"), join(root, "docs"), join(root, "scripts"));

/** Projects whose tests need PostgreSQL servers: these are started once for all of them. */
const withServers = ["postgres", "document-search", "bench", "docs"];

const chromiumSetup = join(root, "scripts/lib/chromium/globalSetup.ts");

/**
 * One project per folder that has tests: `vitest --project storage` runs those of one package.
 *
 * Tests that start processes, hold locks or watch the clock lie in `test/processes/`. They run
 * after all others and one file at a time, as they would disturb each other on a small machine.
 */
const nodeProjects: TestProjectInlineConfiguration[] = folders
  .filter((folder) => existsSync(join(folder, "test")))
  .flatMap((folder) => {
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
          globalSetup: browserProjects.includes(`${name}:processes`)
            ? [...globalSetup, chromiumSetup]
            : globalSetup,
          include: ["test/processes/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ];
  });

const { WORKGLOW_MODEL_EFFORT, WORKGLOW_MODEL_SEED } = process.env;
const modelEnvironment = { WORKGLOW_MODEL_EFFORT, WORKGLOW_MODEL_SEED };
const asksForEffort = Object.values(modelEnvironment).some((value) => value !== undefined);

/**
 * What lies in `test-browser/` runs in Chromium: after all others, and one project after the other,
 * as each starts a browser of its own.
 */
const chromiumProjects: TestProjectInlineConfiguration[] = folders
  .filter((folder) => existsSync(join(folder, "test-browser")))
  .map((folder, index) => {
    const name = `${basename(folder)}:browser`;
    return {
      extends: true,
      test: {
        name,
        root: folder,
        globalSetup: [chromiumSetup],
        setupFiles: asksForEffort ? [join(root, "scripts/lib/chromium/modelEnvironment.ts")] : [],
        provide: { modelEnvironment },
        include: ["test-browser/**/*.test.ts"],
        sequence: { groupOrder: 2 + index },
        browser: {
          enabled: true,
          provider: chromiumProvider(),
          instances: [{ browser: "chromium" }],
          headless: true,
          fileParallelism: false,
          screenshotFailures: false,
        },
      },
    };
  });

// `npm test` runs what needs Chromium in a step of its own.
const onNodeAlone = process.env.WORKGLOW_TESTS === "node";

export default onNodeAlone
  ? nodeProjects.filter(({ test }) => !browserProjects.includes(String(test?.name)))
  : [...nodeProjects, ...chromiumProjects];
