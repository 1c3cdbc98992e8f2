// npm run demo: sets up what is missing, then runs the document search with the given arguments.
import { join } from "node:path";
import { node, root } from "./lib/paths.mjs";
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { become } from "./lib/run.mjs";

// Standard output belongs to the program: with --json it holds one JSON object.
await prepareOrExit(process.stderr);
become(node, [join(root, "examples/document-search/src/main.ts"), ...process.argv.slice(2)]);
