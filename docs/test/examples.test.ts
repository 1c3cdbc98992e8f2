import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { freshDatabase } from "../../packages/postgres/test/servers/fresh.ts";
import { servers } from "../../scripts/lib/postgres/testServers.ts";
import { pageProgram } from "./pageProgram.ts";

const run = promisify(execFile);
const docs = resolve(import.meta.dirname, "..");
const repository = resolve(docs, "..");
const programs = join(docs, ".examples");

const pages = [
  join(repository, "README.md"),
  ...readdirSync(docs)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(docs, name)),
  ...readdirSync(join(repository, "packages")).map((name) =>
    join(repository, "packages", name, "README.md"),
  ),
];

// The examples open databases by relative names: each page runs in a folder of its own.
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes the page's program where the packages resolve, and gives its path. */
function programFile(page: string, source: string): string {
  mkdirSync(programs, { recursive: true });
  const name = relative(repository, page).replaceAll(/[/\\]/gu, "-").replace(/\.md$/u, ".ts");
  const file = join(programs, name);
  writeFileSync(file, source);
  return file;
}

/** A new database for the pages that connect to the one that `DATABASE_URL` names. */
async function databaseFor(source: string): Promise<{ readonly url: string } & AsyncDisposable> {
  if (!source.includes("DATABASE_URL")) return { url: "", [Symbol.asyncDispose]: async () => {} };
  const { main, embedded } = servers();
  return freshDatabase((main ?? embedded).url);
}

/** What Node needs so that a page's program runs in it: one for browsers gets an IndexedDB. */
function nodeFlags(source: string): string[] {
  const flags = ["--conditions=@workglow/source", "--no-warnings"];
  if (!source.includes('"@workglow/indexeddb')) return flags;
  return [...flags, "--import", import.meta.resolve("fake-indexeddb/auto")];
}

describe("the examples of the manual", () => {
  for (const page of pages) {
    const { source, output, blocks } = pageProgram(readFileSync(page, "utf8"));
    if (blocks === 0) continue;
    test(`${relative(repository, page)} runs and prints what it says`, async () => {
      const folder = mkdtempSync(join(tmpdir(), `workglow-docs-${basename(page, ".md")}-`));
      folders.push(folder);
      const file = programFile(page, source);
      await using database = await databaseFor(source);
      const { stdout } = await run(process.execPath, [...nodeFlags(source), file], {
        cwd: folder,
        env: { ...process.env, DATABASE_URL: database.url },
      });
      const printed = stdout.split("\n").map((line) => line.trimEnd());
      expect(printed.filter((line) => line !== "")).toEqual(output);
    }, 60_000);
  }

  test("type-check", async () => {
    const tsc = join(repository, "node_modules/typescript/bin/tsc");
    for (const page of pages) {
      const { source, blocks } = pageProgram(readFileSync(page, "utf8"));
      if (blocks > 0) programFile(page, source);
    }
    const { stdout } = await run(process.execPath, [tsc, "-b", docs], { cwd: repository }).catch(
      (failure: { stdout: string }) => failure,
    );
    expect(stdout).toBe("");
  }, 120_000);
});
