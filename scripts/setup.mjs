// npm run setup: everything that a fresh checkout needs, and nothing where it is all there.
import { prepareOrExit } from "./lib/prepareOrExit.mjs";

await prepareOrExit(process.stdout);
process.stdout.write("Ready.\n");
