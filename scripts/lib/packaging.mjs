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
import { compileAsUser, consumers } from "./compileAsUser.mjs";
import { binFolder, node, oldestNode, packageFolders, root } from "./paths.mjs";
import { pnpm } from "./pnpm.mjs";
import { run } from "./run.mjs";
import { forBrowsers, publicEntries, userProgram } from "./userProgram.mjs";

/**
 * @typedef {import("./userProgram.mjs").Manifest} Manifest
 *
 * @typedef {object} PackedPackage
 * @property {string} folder
 * @property {string} tarball
 * @property {Manifest} manifest as published
 */

const bundles = join(root, "scripts/lib/bundles/main.ts");

/** Adapters that load only inside their own test runner. */
const insideRunnersOnly = ["@workglow/conformance/vitest", "@workglow/conformance/bun"];

/**
 * Packs every package as it would be published and checks what a user receives: the manifest
 * (publint), the resolution of types (arethetypeswrong), and programs of users that compile, are
 * bundled for browsers and run against the tarballs.
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
  const manifests = packed.map(({ manifest }) => manifest);
  const entries = manifests.flatMap(publicEntries);
  const runnable = entries.filter((entry) => !insideRunnersOnly.includes(entry));
  writeFileSync(join(workFolder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(workFolder, "main.mjs"), userProgram(runnable));

  const main = ["main.mjs"];
  const here = { cwd: workFolder, quiet: true };
  const results = [];
  for (const consumer of consumers(manifests)) {
    results.push(
      await report(`types for a user ${consumer.where}`, compileAsUser(workFolder, consumer)),
    );
  }
  results.push(
    await report(
      "bundles for browsers: esbuild, Vite, webpack",
      run(node, [bundles, workFolder, ...forBrowsers], { quiet: true }),
    ),
    await report("every entry loads on the newest Node", run(node, main, here)),
    await report("every entry loads on the oldest Node", run(oldestNode, main, here)),
    await report("every entry loads on Bun", run(join(binFolder, "bun"), main, here)),
  );
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
