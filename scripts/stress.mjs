// npm run stress [-- FACTOR]: sets up what is missing, then runs the tests about processes, kills and
// locks with FACTOR times (9 unless given) as many rounds as `npm test` does.
import { join } from "node:path";
import { binFolder } from "./lib/paths.mjs";
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { run } from "./lib/run.mjs";

const factor = Number(process.argv[2] ?? 9);
if (!Number.isInteger(factor) || factor < 1) {
  console.error("The factor is an integer of 1 or more.");
  process.exit(1);
}

await prepareOrExit(process.stdout);
const { ok } = await run(join(binFolder, "vitest"), ["run", "--project", "*:processes"], {
  env: { WORKGLOW_STRESS: String(factor) },
});
process.exitCode = ok ? 0 : 1;
