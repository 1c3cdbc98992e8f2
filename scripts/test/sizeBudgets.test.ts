import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageFolders, root } from "../lib/paths.mjs";
import { forBrowsers, type Manifest, publicEntries } from "../lib/userProgram.mjs";

interface Budget {
  readonly name: string;
  readonly path: string;
  /** What is imported, where it is not everything. */
  readonly import?: string;
}

const budgets: readonly Budget[] = JSON.parse(readFileSync(join(root, ".size-limit.json"), "utf8"));

/** What each public entry of a package for browsers leads to. */
const builtEntries = packageFolders().flatMap((folder) => {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (!forBrowsers.includes(manifest.name)) return [];
  return publicEntries(manifest).map((entry) => {
    const target = manifest.exports[`.${entry.slice(manifest.name.length)}`];
    const { browser } = target as { readonly browser: string };
    return {
      entry,
      path: join(folder, browser)
        .slice(root.length + 1)
        .replaceAll("\\", "/"),
    };
  });
});

describe("the budgets of sizes", () => {
  test.each(builtEntries)("hold one for all of $entry", ({ entry, path }) => {
    const whole = budgets.filter((budget) => budget.path === path && budget.import === undefined);
    expect(whole.map(({ name }) => name)).toEqual([entry]);
  });

  test("are of files that are published", () => {
    const paths = builtEntries.map(({ path }) => path);
    expect(budgets.filter(({ path }) => !paths.includes(path))).toEqual([]);
  });
});
