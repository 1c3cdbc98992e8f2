import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundlers } from "../lib/bundles/bundlers.ts";
import { modulesByPlace } from "../lib/bundles/modulesByPlace.ts";
import { problemsOf } from "../lib/bundles/problemsOf.ts";
import type { Manifest } from "../lib/userProgram.mjs";

/** A package whose code chooses between two modules, as @workglow/util does. */
const places: Manifest = {
  name: "@fixture/places",
  exports: { ".": { browser: "./index.js", default: "./index.js" } },
  imports: {
    "#place": {
      "@fixture/source": { browser: "./src/browser.ts", default: "./src/node.ts" },
      browser: { types: "./browser.d.ts", default: "./browser.js" },
      default: { types: "./node.d.ts", default: "./node.js" },
    },
  },
};

/** The same, but with a condition that hides the next one. */
const hiding: Manifest = {
  ...places,
  name: "@fixture/hiding",
  imports: { "#place": { default: "./node.js", browser: "./browser.js" } },
};

const packageFiles = (manifest: Manifest) => ({
  [`node_modules/${manifest.name}/package.json`]: JSON.stringify({ ...manifest, type: "module" }),
  [`node_modules/${manifest.name}/index.js`]: 'export { place } from "#place";\n',
  [`node_modules/${manifest.name}/browser.js`]: 'export const place = () => "browser";\n',
  [`node_modules/${manifest.name}/node.js`]: 'export const place = () => "node";\n',
});

const files: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ type: "module" }),
  ...packageFiles(places),
  ...packageFiles(hiding),
  // Two libraries that stand in for modules of Node, and one that asks for an empty one instead.
  "node_modules/buffer/package.json": JSON.stringify({ main: "index.js" }),
  "node_modules/buffer/index.js": "exports.Buffer = class {};\n",
  "node_modules/path-browserify/package.json": JSON.stringify({ main: "index.js" }),
  "node_modules/path-browserify/index.js": "exports.join = () => {};\n",
  "node_modules/without-files/package.json": JSON.stringify({
    main: "index.js",
    browser: { fs: false },
  }),
  "node_modules/without-files/index.js": 'exports.read = require("fs").readFileSync;\n',
};

/** Ends of programs that a browser could not run as they are, and what is said of each. */
const faults: readonly (readonly [what: string, program: string, said: RegExp])[] = [
  ["a module of Node", 'import * as a from "node:fs"; globalThis.used = a;', /node:fs/u],
  ["one without its prefix", 'import * as a from "crypto"; globalThis.used = a;', /crypto/u],
  ["one that is loaded later", 'import("node:os").then(() => {});', /node:os/u],
  [
    "one that is asked of the process",
    'globalThis.used = globalThis.process?.getBuiltinModule("node:os");',
    /it names node:os/u,
  ],
  [
    "a library in place of one",
    'import { Buffer } from "buffer"; globalThis.used = Buffer;',
    /a polyfill is in it: buffer/u,
  ],
  [
    "a library that is made for that",
    'import { join } from "path-browserify"; globalThis.used = join;',
    /a polyfill is in it: path-browserify/u,
  ],
  [
    "an empty module in place of one",
    'import { read } from "without-files"; globalThis.used = read;',
    /an empty module stands in/u,
  ],
  ["a package that is not there", 'import * as a from "missing"; globalThis.used = a;', /missing/u],
  [
    "an address",
    'import * as a from "https://localhost/a.js"; globalThis.used = a;',
    /localhost|external/u,
  ],
  ["a global of Node", "globalThis.used = process.cwd();", /process is not defined/u],
];

let folder: string;

function write(file: string, text: string): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "workglow-bundles-"));
  for (const [file, text] of Object.entries(files)) write(file, text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (rest: string): string =>
  `import { place } from "@fixture/places";
if (place() !== "browser") throw new Error("not the browser's");
${rest}
`;

describe.each(Object.entries(bundlers))("a bundle for browsers made by %s", (tool, bundle) => {
  test("has no problem where a browser can run it", async () => {
    const entry = write(`${tool}/right.mjs`, program(""));
    expect(await problemsOf(await bundle(entry), modulesByPlace([places]))).toEqual([]);
  });

  test.each(faults)("is refused for %s", async (what, rest, said) => {
    const entry = write(`${tool}/${what.replaceAll(" ", "-")}.mjs`, program(rest));
    const problems = await problemsOf(await bundle(entry), modulesByPlace([places]));
    expect(problems.join("\n")).toMatch(said);
  });

  test("is refused for the module that belongs elsewhere", async () => {
    const entry = write(
      `${tool}/hiding.mjs`,
      `import { place } from "${hiding.name}"; globalThis.used = place;`,
    );
    const browser = [`${hiding.name}/browser.js`];
    const elsewhere = [`${hiding.name}/node.js`];
    expect(await problemsOf(await bundle(entry), { browser, elsewhere })).toEqual([
      `the browser's module is missing: ${browser}`,
      `a module for another place is in it: ${elsewhere}`,
    ]);
  });
});

describe("the modules by place", () => {
  test("are those between which the condition `browser` chooses, as published", () => {
    const named = { ...places, imports: { ...places.imports, "#same": "./same.js" } };
    expect(modulesByPlace([named])).toEqual({
      browser: ["@fixture/places/browser.js"],
      elsewhere: ["@fixture/places/node.js"],
    });
  });
});
