import { join } from "node:path";

/**
 * @typedef {object} Manifest of a package, as published
 * @property {string} name
 * @property {Record<string, unknown>} exports
 * @property {Record<string, unknown>} [imports]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/** The packages that an application in a browser installs. */
export const forBrowsers = [
  "@workglow/util",
  "@workglow/storage",
  "@workglow/job-queue",
  "@workglow/indexeddb",
];

/** Of these, what has no use elsewhere: its types may need those of browsers. */
export const forBrowsersOnly = ["@workglow/indexeddb"];

/**
 * @param {Manifest} manifest
 * @returns {string[]} what a user may import, such as "@workglow/storage/sql"
 */
export function publicEntries({ name, exports }) {
  return Object.keys(exports)
    .filter((path) => path !== "./package.json")
    .map((path) => join(name, path).replaceAll("\\", "/"));
}

/**
 * @param {string[]} entries
 * @returns {string} a module that imports everything from them, and throws where one is empty
 */
export function userProgram(entries) {
  const lines = entries.map((entry, i) => `import * as entry${i} from ${JSON.stringify(entry)};`);
  const used = entries.map((_, i) => `entry${i}`);
  return `${lines.join("\n")}
for (const entry of [${used.join(", ")}]) {
  if (Object.keys(entry).length === 0) throw new Error("an entry exports nothing");
}
`;
}
