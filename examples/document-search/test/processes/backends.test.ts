import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import { dropSchemas } from "./dropSchemas.ts";
import { printed, runDemo } from "./runDemo.ts";
import { texts } from "./texts.ts";

const { main, embedded } = servers();
const PASSWORD = "hunter2-and-more";
const schema = `backends_${randomBytes(6).toString("hex")}`;

let folder: string;
let docs: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-backends-"));
  docs = join(folder, "docs");
  await mkdir(docs);
  for (const [name, text] of texts()) await writeFile(join(docs, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Place {
  readonly name: string;
  readonly args: readonly string[];
}

const places = (): Place[] => [
  { name: "memory", args: ["--backend", "memory"] },
  { name: "SQLite", args: ["--backend", "sqlite", "--db", join(folder, "search.sqlite")] },
  { name: "PGlite", args: ["--backend", "pglite", "--db", join(folder, "search.pglite")] },
  { name: "PGlite in memory", args: ["--backend", "pglite", "--db", "memory://"] },
  ...(main === undefined
    ? []
    : [{ name: "PostgreSQL", args: ["--backend", "postgres", "--url", main.url, "--db", schema] }]),
];

const withoutTime = (output: string): string =>
  output.replace(/"seconds":[\d.]+/u, '"seconds":0').replace(/\([\d.]+ s\)/u, "(0 s)");

describe("one program on every backend", () => {
  afterAll(() => (main === undefined ? undefined : dropSchemas(main.url, schema)));

  test("prints the same, byte for byte, and again when it goes on with what it stored", async () => {
    const questions = [
      ["--query", "roses in a garden", "--top", "12", "--json"],
      ["--query", "庭園: what is told of topic3?", "--top", "3"],
    ];
    for (const question of questions) {
      const outputs: Record<string, string> = {};
      for (const { name, args } of places()) {
        outputs[name] = withoutTime(await printed(["--dir", docs, ...args, ...question]));
      }
      const expected = outputs.memory as string;
      expect(expected).toContain("51");
      expect(outputs).toEqual(Object.fromEntries(places().map(({ name }) => [name, expected])));
    }
  }, 240_000);

  test("loads no driver of PostgreSQL where none is chosen", async () => {
    const refuse = `data:text/javascript,import { registerHooks } from "node:module";
registerHooks({ resolve(specifier, context, next) {
  if (/^(pg|@electric-sql\\/.*)$/.test(specifier)) throw new Error("loaded " + specifier);
  return next(specifier, context);
} });`;
    const nodeArgs = [`--import=${refuse}`];
    const db = join(folder, "no-driver.sqlite");
    await printed(["--dir", docs, "--db", db], { nodeArgs });
    await printed(["--dir", docs, "--backend", "memory"], { nodeArgs });
    const { stderr } = await runDemo(["--dir", docs, "--backend", "pglite"], { nodeArgs });
    expect(stderr).toContain("loaded @electric-sql/pglite");
  });

  test("keeps a second process out of a PGlite folder that is in use", async () => {
    const args = ["--dir", docs, "--backend", "pglite", "--db", join(folder, "shared.pglite")];
    const [first, second] = await Promise.all([runDemo(args), runDemo(args)]);
    const [done, refused] = first.code === 0 ? [first, second] : [second, first];
    expect(done.code).toBe(0);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("Another process has");
    expect((await runDemo(args)).code).toBe(0);
  });
});

describe("the server's URL", () => {
  const onServer = (url: string): readonly string[] => [
    ...["--dir", docs, "--backend", "postgres", "--url", url],
  ];

  test("may stand in DATABASE_URL", async () => {
    const { stderr } = await runDemo(["--dir", docs, "--backend", "postgres"], {
      env: { DATABASE_URL: `postgres://u:${PASSWORD}@127.0.0.1:1/x` },
    });
    expect(stderr).toContain("takes no connections");
    expect(stderr).not.toContain(PASSWORD);
  });

  test("has to be there", async () => {
    const { code, stderr } = await runDemo(["--dir", docs, "--backend", "postgres"]);
    expect(code).toBe(1);
    expect(stderr).toContain("--url");
  });

  test("is never printed with its password, whatever goes wrong", async () => {
    const { host } = new URL(embedded.url);
    const urls = [
      `postgres://u:${PASSWORD}@127.0.0.1:1/x`,
      `postgres://u:${PASSWORD}@host.invalid/x`,
      `postgres://nobody:${PASSWORD}@${host}/postgres`,
      `postgres://postgres:${PASSWORD}@${host}/no-such-database`,
      `postgres://postgres@${host}/no-such-database?password=${PASSWORD}`,
      `postgres://u:1/${PASSWORD}@${host}/x`,
      `postgres://u:%zz${PASSWORD}@${host}/x`,
      `mysql://u:${PASSWORD}@${host}/x`,
      `u:${PASSWORD}@${host}`,
    ];
    const attempts = [
      ...urls.map(onServer),
      ["--backend", "postgres", `--ulr=${urls[0]}`],
      ["--backend", "postgres", "--url", "", `${urls[0]}`],
    ];
    for (const args of attempts) {
      const { code, stdout, stderr } = await runDemo(args);
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(stderr).not.toBe("");
      expect(stdout + stderr).not.toContain(PASSWORD);
    }
  });

  test("of a server without pgvector leads to an error that says what is missing", async () => {
    const { code, stderr } = await runDemo([...onServer(embedded.url), "--db", schema]);
    await dropSchemas(embedded.url, schema);
    expect(code).toBe(1);
    expect(stderr).toMatch(/pgvector/u);
  });
});
