// node main.ts FOLDER PACKAGE…: bundles what a user of packages that are installed in a folder may
// import, with each tool, and says what would not work in browsers.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Manifest, publicEntries, userProgram } from "../userProgram.mjs";
import { bundlers } from "./bundlers.ts";
import { modulesByPlace } from "./modulesByPlace.ts";
import { problemsOf } from "./problemsOf.ts";

const [folder = "", ...names] = process.argv.slice(2);
const manifests = names.map(
  (name): Manifest =>
    JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")),
);
const entry = join(folder, "browser.mjs");
writeFileSync(entry, userProgram(manifests.flatMap(publicEntries)));

for (const [tool, bundle] of Object.entries(bundlers)) {
  const problems = await problemsOf(await bundle(entry), modulesByPlace(manifests));
  for (const problem of problems) console.log(stripVTControlCharacters(`${tool}: ${problem}`));
  if (problems.length > 0) process.exitCode = 1;
}
