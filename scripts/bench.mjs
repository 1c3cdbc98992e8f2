// npm run bench: sets up what is missing, then measures us beside the peers.
import { join } from "node:path";
import { node, root } from "./lib/paths.mjs";
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { become } from "./lib/run.mjs";

await prepareOrExit(process.stderr);
become(node, ["--expose-gc", join(root, "bench/src/main.ts"), ...process.argv.slice(2)]);
