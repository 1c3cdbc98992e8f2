// npm run demo:web: sets up what is missing, builds the document search as a page and serves it on
// this machine, with the given arguments (such as --port 8080 or --open).
import { join } from "node:path";
import { node, root } from "./lib/paths.mjs";
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { become, run } from "./lib/run.mjs";

const page = join(root, "examples/document-search-web");
const vite = join(page, "node_modules/vite/bin/vite.js");

await prepareOrExit(process.stderr);
const built = await run(node, [vite, "build", "--logLevel", "warn"], { cwd: page, quiet: true });
if (built.ok) {
  become(node, [vite, "preview", page, "--host", "127.0.0.1", ...process.argv.slice(2)]);
} else {
  process.stderr.write(built.output);
  process.exitCode = 1;
}
