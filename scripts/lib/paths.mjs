import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
export const binFolder = join(root, "node_modules/.bin");
export const reportsFolder = join(root, "reports");

const exe = process.platform === "win32" ? ".exe" : "";

/** The Node that runs the tools and the programs; the one on the machine only runs `scripts/`. */
export const node = join(root, "node_modules/node/bin", `node${exe}`);

/** The oldest Node that the packages promise to run on. */
export const oldestNode = join(root, "scripts/oldest-node/node_modules/node/bin", `node${exe}`);

/** @returns {string[]} the folders of the packages that are published, in alphabetical order */
export function packageFolders() {
  return readdirSync(join(root, "packages"))
    .sort()
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")));
}

/**
 * @param {string} folder a folder's name inside a package, such as "test-bun"
 * @returns {string[]} the packages' folders of that name that hold tests
 */
export function testFolders(folder) {
  return packageFolders()
    .map((path) => join(path, folder))
    .filter((path) => existsSync(path) && readdirSync(path).some((f) => f.endsWith(".test.ts")));
}
