import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";
import projects from "./vitest.workspace.ts";

// Tests run the packages' sources, so that nothing has to be built first.
const source = "@workglow/source";

// Node itself never takes "module", and with it loads builds that are made for bundlers only,
// such as that of @opentelemetry/api.
const serverConditions = defaultServerConditions.filter((condition) => condition !== "module");

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...serverConditions] } },
  test: {
    projects,
    pool: "forks",
    maxWorkers: "100%",
    retry: 0,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    passWithNoTests: false,
  },
});
