import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { node, root } from "./paths.mjs";
import { run } from "./run.mjs";
import { forBrowsers, forBrowsersOnly, publicEntries, userProgram } from "./userProgram.mjs";

/**
 * @typedef {object} Consumer a user whose program is compiled
 * @property {string} where
 * @property {string[]} entries what the program imports
 * @property {"NodeNext" | "ESNext"} module how it does; the latter for a bundler
 * @property {string[]} [lib] beside the language's own
 * @property {string[]} [types]
 * @property {boolean} [withoutNode] nothing that it imports may bring in Node's types
 */

/**
 * @param {import("./userProgram.mjs").Manifest[]} manifests of all packages
 * @returns {Consumer[]}
 */
export function consumers(manifests) {
  const entries = manifests.flatMap(publicEntries);
  const inNode = manifests
    .filter(({ name }) => !forBrowsersOnly.includes(name))
    .flatMap(publicEntries);
  const inBrowsers = manifests
    .filter(({ name }) => forBrowsers.includes(name))
    .flatMap(publicEntries);
  /** @type {Pick<Consumer, "entries" | "module" | "withoutNode">} */
  const inBrowser = { entries: inBrowsers, module: "ESNext", withoutNode: true };
  return [
    { where: "of Node (nodenext)", entries: inNode, module: "NodeNext", types: ["node"] },
    { where: "of a bundler", entries, module: "ESNext", lib: ["DOM"] },
    { where: "of a window, without Node's", ...inBrowser, lib: ["DOM"] },
    { where: "of a worker, without Node's", ...inBrowser, lib: ["WebWorker"] },
  ];
}

/**
 * Declarations of ours must compile without `skipLibCheck`; those of others are not our matter.
 *
 * @param {string} workFolder
 * @param {Consumer} consumer
 */
export async function compileAsUser(
  workFolder,
  { entries, module, lib = [], types = [], withoutNode },
) {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: "ES2023",
    lib: ["ES2023", "ESNext.Disposable", ...lib],
    types,
    module,
    moduleResolution: module === "NodeNext" ? "NodeNext" : "Bundler",
    skipLibCheck: false,
  };
  writeFileSync(join(workFolder, "types.ts"), userProgram(entries));
  writeFileSync(
    join(workFolder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["types.ts"] }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const args = [tsc, "--pretty", "false", "--listFiles", "-p", workFolder];
  const { output } = await run(node, args, { cwd: workFolder, quiet: true });
  const faults = output
    .split("\n")
    .filter(
      (line) =>
        /^(types\.ts|tsconfig\.json|node_modules\/@workglow\/|error )/.test(line) ||
        (withoutNode && line.includes("/@types/node/")),
    );
  // The list of files shows that the compiler did run.
  const compiled = /\/types\.ts$/m.test(output);
  return { ok: compiled && faults.length === 0, output: compiled ? faults.join("\n") : output };
}
