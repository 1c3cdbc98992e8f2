import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import * as conformance from "@workglow/conformance";
import * as jobQueue from "@workglow/job-queue";
import * as util from "@workglow/util";
import { describe, expect, test } from "vitest";
import { classifyPostgresError } from "../../packages/postgres/src/postgresErrors.ts";

const docs = resolve(import.meta.dirname, "..");
const repository = resolve(docs, "..");
const page = (name: string): string => readFileSync(join(docs, name), "utf8");

const pages = [
  join(repository, "README.md"),
  join(repository, "CONTRIBUTING.md"),
  ...globSync(["docs/*.md", "docs/adr/*.md", "packages/*/README.md"], { cwd: repository }).map(
    (path) => join(repository, path),
  ),
];

describe("the page on errors", () => {
  const errors = page("errors.md");
  const classes = Object.entries({ ...util, ...jobQueue })
    .filter(([name, value]) => name.endsWith("Error") && typeof value === "function")
    .map(([name]) => name);

  test.each(classes)("has a heading for %s", (name) => {
    expect(errors).toContain(`\n## ${name}\n`);
  });

  test("names every code that the sources give an error", () => {
    const sources = globSync("packages/*/src/**/*.ts", { cwd: repository })
      .filter((path) => !path.startsWith("packages/conformance/"))
      .map((path) => readFileSync(join(repository, path), "utf8"));
    const codes = sources.flatMap((source) =>
      [...source.matchAll(/\bcode: (?:options\?\.code \?\? )?"([A-Z_]+)"/gu)].map(
        ([, code = ""]) => code,
      ),
    );
    expect(codes.length).toBeGreaterThan(20);
    expect([...new Set(codes)].filter((code) => !errors.includes(`\`${code}\``))).toEqual([]);
  });
});

/** Ranges of a package's optional peers. */
function peersOf(name: string): readonly (readonly [string, string])[] {
  const { peerDependencies } = packageJson(`packages/${name}`);
  return Object.entries(peerDependencies);
}

function packageJson(folder: string): {
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
} {
  return JSON.parse(readFileSync(join(repository, folder, "package.json"), "utf8"));
}

describe.each([
  { name: "sqlite", title: "SQLite" },
  { name: "postgres", title: "PostgreSQL" },
])("the page on $title", ({ name }) => {
  test.each(peersOf(name))("gives the oldest version of %s", (peer, range) => {
    const oldest = range.replace(">=", "");
    const lines = page(`${name}.md`)
      .split("\n")
      .filter((line) => line.includes(`\`${peer}\``));
    expect(lines.join("\n")).toContain(`version ${oldest} or later`);
  });
});

describe("the page on PostgreSQL", () => {
  const postgres = page("postgres.md");

  test.each(["pg", "@electric-sql/pglite"])("names the version of %s that is tested", (peer) => {
    const { devDependencies } = packageJson("packages/postgres");
    const line = postgres.split("\n").find((row) => row.startsWith(`| \`${peer}\` |`));
    expect(line).toContain(`| ${devDependencies[peer]};`);
  });

  test("says what each SQLSTATE becomes", () => {
    const table = postgres.slice(postgres.indexOf("| SQLSTATE |"), postgres.indexOf("After `CONN"));
    const rows = table
      .split("\n")
      .slice(2)
      .filter((row) => row !== "");
    const told: string[] = [];
    const found: string[] = [];
    for (const row of rows) {
      const [, first = "", errorClass = "", rest = ""] = row.split("|").map((cell) => cell.trim());
      const [kind, ...codes] = rest.replaceAll("`", "").split(", ");
      const states = first.match(/\b[0-9A-Z]{5}\b|\b\d\d(?=…)/gu) ?? [];
      for (const [i, state] of states.entries()) {
        const error = classifyPostgresError({ code: state.padEnd(5, "9") });
        told.push(`${state} ${errorClass} ${kind} ${codes[i] ?? codes.at(-1)}`);
        const { name, kind: foundKind, code } = error as util.StorageError;
        found.push(`${state} \`${name}\` ${foundKind} ${code}`);
      }
    }
    expect(told.length).toBeGreaterThan(25);
    expect(found).toEqual(told);
  });
});

describe("the page on writing a backend", () => {
  test("lists every suite that there is, and no other", () => {
    const listed = [...page("writing-a-backend.md").matchAll(/`(\w+Suite)`/gu)].map(
      ([, name = ""]) => name,
    );
    const suites = Object.entries(conformance).filter(
      ([name, value]) => name.endsWith("Suite") && typeof value === "object",
    );
    expect([...new Set(listed)].sort()).toEqual(suites.map(([name]) => name).sort());
  });
});

/** The ids that headings have where Markdown is shown. */
function anchors(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gmu)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
      .replaceAll(/\s/gu, "-"),
  );
}

describe("links", () => {
  for (const file of pages) {
    const markdown = readFileSync(file, "utf8").replaceAll(/^```[\s\S]*?^```$/gmu, "");
    const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/gu)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/u.test(target));
    if (links.length === 0) continue;
    test(`of ${relative(repository, file)} lead somewhere`, () => {
      const broken = links.filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? file : join(dirname(file), path);
        if (!existsSync(target)) return true;
        return anchor !== undefined && !anchors(readFileSync(target, "utf8")).includes(anchor);
      });
      expect(broken).toEqual([]);
    });
  }

  test("from the README reach every page of the manual", () => {
    const readme = readFileSync(join(repository, "README.md"), "utf8");
    const names = readdirSync(docs).filter((name) => name.endsWith(".md"));
    expect(names.filter((name) => !readme.includes(`(docs/${name}`))).toEqual([]);
  });
});
