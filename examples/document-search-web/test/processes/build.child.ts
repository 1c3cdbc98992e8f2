import { join, resolve } from "node:path";
import { build } from "vite";

const root = resolve(import.meta.dirname, "../..");
const [, , outDir] = process.argv;

await build({
  root,
  logLevel: "warn",
  build: {
    outDir,
    emptyOutDir: true,
    rolldownOptions: { input: [join(root, "index.html"), join(root, "test/report/index.html")] },
  },
});
