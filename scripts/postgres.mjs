// node scripts/postgres.mjs start|stop|status: PostgreSQL servers to try things on, in the background.
import { join } from "node:path";
import { node, root } from "./lib/paths.mjs";
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { become } from "./lib/run.mjs";

await prepareOrExit(process.stderr);
become(node, [join(root, "scripts/lib/postgres/main.ts"), ...process.argv.slice(2)]);
