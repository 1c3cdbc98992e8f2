import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { binFolder, node, oldestNode, packageFolders, root } from "./paths.mjs";
import { pnpm } from "./pnpm.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {object} PackedPackage
 * @property {string} folder
 * @property {string} tarball
 * @property {Manifest} manifest as published
 *
 * @typedef {object} Manifest
 * @property {string} name
 * @property {Record<string, unknown>} exports
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/** Adapters that load only inside their own test runner. */
const insideRunnersOnly = ["@workglow/conformance/vitest", "@workglow/conformance/bun"];

/**
 * Packs every package as it would be published and checks what a user receives: the manifest
 * (publint), the resolution of types (arethetypeswrong), and a program of a user that compiles
 * and runs against the tarballs.
 *
 * @returns {Promise<boolean>}
 */
export async function checkPackaging() {
  const workFolder = mkdtempSync(join(tmpdir(), "workglow-packages-"));
  try {
    const packed = await packAll(workFolder);
    let ok = true;
    for (const { manifest, tarball } of packed) {
      ok =
        (await report(
          `${manifest.name}: publint`,
          tool("publint", ["run", tarball, "--strict"]),
        )) && ok;
      const attw = ["--profile", "esm-only", "--format", "ascii", "--no-color", tarball];
      ok = (await report(`${manifest.name}: arethetypeswrong`, tool("attw", attw))) && ok;
    }
    return (await checkAsUser(workFolder, packed)) && ok;
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {string[]} args
 */
function tool(name, args) {
  return run(join(binFolder, name), args, { quiet: true });
}

/**
 * @param {string} title
 * @param {Promise<import("./run.mjs").RunResult>} result
 */
async function report(title, result) {
  const { ok, output } = await result;
  console.log(`${ok ? "ok    " : "FAILED"} ${title}`);
  if (!ok) console.log(output);
  return ok;
}

/**
 * @param {string} workFolder
 * @returns {Promise<PackedPackage[]>}
 */
async function packAll(workFolder) {
  const destination = join(workFolder, "tarballs");
  mkdirSync(destination);
  const { ok, output } = await pnpm([
    "--recursive",
    "--filter",
    "./packages/*",
    "pack",
    "--pack-destination",
    destination,
  ]);
  if (!ok) throw new Error(`pnpm pack failed.\n${output}`);
  return Promise.all(
    packageFolders().map(async (folder) => {
      const { name, version } = readManifest(folder);
      const tarball = join(destination, `${name.slice(1).replace("/", "-")}-${version}.tgz`);
      if (!existsSync(tarball)) throw new Error(`${tarball} was not written.\n${output}`);
      const installed = join(workFolder, "node_modules", name);
      mkdirSync(installed, { recursive: true });
      const unpacked = await run(
        "tar",
        ["-xzf", tarball, "--strip-components=1", "-C", installed],
        {
          quiet: true,
        },
      );
      if (!unpacked.ok) throw new Error(`tar failed.\n${unpacked.output}`);
      return { folder, tarball, manifest: readManifest(installed) };
    }),
  );
}

/**
 * @param {string} folder
 * @returns {Manifest & { version: string }}
 */
function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/**
 * @param {string} workFolder
 * @param {PackedPackage[]} packed
 */
async function checkAsUser(workFolder, packed) {
  for (const { folder, manifest } of packed) linkDependencies(workFolder, folder, manifest);
  const entries = packed.flatMap(({ manifest }) =>
    Object.keys(manifest.exports)
      .filter((path) => path !== "./package.json")
      .map((path) => join(manifest.name, path).replaceAll("\\", "/")),
  );
  writeFileSync(join(workFolder, "package.json"), JSON.stringify({ type: "module" }));
  writeProgram(join(workFolder, "types.ts"), entries);
  const runnable = entries.filter((entry) => !insideRunnersOnly.includes(entry));
  writeProgram(join(workFolder, "main.mjs"), runnable);

  const main = ["main.mjs"];
  const here = { cwd: workFolder, quiet: true };
  const results = [
    await report(
      "types for a user of Node (nodenext)",
      compileAsUser(workFolder, "NodeNext", ["node"]),
    ),
    await report("types for a user of a bundler", compileAsUser(workFolder, "Bundler", [])),
    await report("every entry loads on the newest Node", run(node, main, here)),
    await report("every entry loads on the oldest Node", run(oldestNode, main, here)),
    await report("every entry loads on Bun", run(join(binFolder, "bun"), main, here)),
  ];
  return results.every(Boolean);
}

/**
 * @param {string} workFolder
 * @param {string} folder
 * @param {Manifest} manifest
 */
function linkDependencies(workFolder, folder, { dependencies = {}, peerDependencies = {} }) {
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(workFolder, "node_modules", name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(realpathSync(join(folder, "node_modules", name)), link);
  }
  const nodeTypes = join(workFolder, "node_modules/@types/node");
  if (existsSync(nodeTypes)) return;
  mkdirSync(dirname(nodeTypes), { recursive: true });
  symlinkSync(realpathSync(join(root, "node_modules/@types/node")), nodeTypes);
}

/**
 * @param {string} path
 * @param {string[]} entries
 */
function writeProgram(path, entries) {
  const lines = entries.map((entry, i) => `import * as entry${i} from ${JSON.stringify(entry)};`);
  const used = entries.map((_, i) => `entry${i}`);
  writeFileSync(
    path,
    `${lines.join("\n")}
for (const entry of [${used.join(", ")}]) {
  if (Object.keys(entry).length === 0) throw new Error("an entry exports nothing");
}
`,
  );
}

/**
 * Declarations of ours must compile without `skipLibCheck`; those of others are not our matter.
 *
 * @param {string} workFolder
 * @param {"NodeNext" | "Bundler"} moduleResolution
 * @param {string[]} types
 */
async function compileAsUser(workFolder, moduleResolution, types) {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: "ES2023",
    lib: ["ES2023", "ESNext.Disposable", ...(types.length === 0 ? ["DOM"] : [])],
    types,
    module: moduleResolution === "NodeNext" ? "NodeNext" : "ESNext",
    moduleResolution,
    skipLibCheck: false,
  };
  writeFileSync(
    join(workFolder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["types.ts"] }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { output } = await run(node, [tsc, "--pretty", "false", "-p", workFolder], {
    cwd: workFolder,
    quiet: true,
  });
  const ours = output
    .split("\n")
    .filter((line) => /^(types\.ts|node_modules\/@workglow\/|error )/.test(line));
  return { ok: ours.length === 0, output: ours.join("\n") };
}
