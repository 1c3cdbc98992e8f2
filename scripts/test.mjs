// npm test [-- STEP…]: sets up what is missing, then runs every check, or those that are named.
import { prepareOrExit } from "./lib/prepareOrExit.mjs";
import { steps } from "./lib/steps.mjs";

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  const known = steps.map(({ name }) => name).join(", ");
  console.error(`Unknown step ${unknown.join(", ")}. The steps are: ${known}.`);
  process.exit(1);
}

await prepareOrExit(process.stdout, "\n0 passed, 1 failed");

/** Lines of the summary's list of what was not run. */
const shown = 40;

const results = [];
for (const step of steps.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
  console.log(`\n── ${step.name}: ${step.title}`);
  const started = Date.now();
  const result = await step.run();
  results.push({ ...step, ...result, seconds: (Date.now() - started) / 1000 });
}

console.log("\n── summary");
for (const { name, ok, passed, failed, seconds } of results) {
  const tests = passed === undefined ? "" : `${passed} passed, ${failed} failed`;
  const time = `${seconds.toFixed(1)} s`.padStart(8);
  console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(10)} ${time}  ${tests}`.trimEnd());
}

const notRun = results.flatMap((result) => result.notRun ?? []);
console.log(notRun.length === 0 ? "\nEverything could run here." : "\nNot run here:");
for (const line of notRun.slice(0, shown)) console.log(`  ${line}`);
if (notRun.length > shown) console.log(`  … and ${notRun.length - shown} more, in reports/`);

// A failed check that has no tests of its own counts as one, so that the line never hides it.
const passed = results.reduce((sum, result) => sum + (result.passed ?? 0), 0);
const failed = results.reduce(
  (sum, result) => sum + Math.max(result.failed ?? 0, result.ok ? 0 : 1),
  0,
);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`\n${passed} passed, ${failed} failed`);
