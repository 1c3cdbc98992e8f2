import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import { startOwnServer } from "../servers/startOwnServer.ts";

/** What the end of a run may take, and what a server may live longer than the run. */
const goneWithinMs = 10_000;

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

const programs = servers().main?.name === "debian" ? ["embedded", "debian"] : ["embedded"];

describe.each(programs as ("embedded" | "debian")[])("a server of one's own (%s)", (program) => {
  test("is gone with its data once it is closed", async () => {
    const server = await startOwnServer({ program });
    expect(await query(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(existsSync(server.logFile)).toBe(true);
    await server.close();
    expect(await isListening(server.port)).toBe(false);
    expect(existsSync(dirname(server.logFile))).toBe(false);
  });

  test("keeps its port and what was committed over a crash", async () => {
    await using server = await startOwnServer({ program });
    await query(server.url, "CREATE TABLE notes (id int)");
    await query(server.url, "INSERT INTO notes VALUES (7)");
    await server.stop("immediate");
    expect(await isListening(server.port)).toBe(false);
    await server.start();
    expect(await query(server.url, "SELECT id FROM notes")).toEqual([{ id: 7 }]);
    expect(readFileSync(server.logFile, "utf8")).toContain("was not properly shut down");
  });

  test("ends its clients when it is stopped", async () => {
    await using server = await startOwnServer({ program });
    const client = new pg.Client({ connectionString: server.url });
    const errors: Error[] = [];
    client.on("error", (error) => errors.push(error));
    await client.connect();
    await server.stop("fast");
    await expect.poll(() => errors[0]?.message).toContain("terminating connection");
  });
});

describe("a server of one's own", () => {
  test("takes settings at its first start and at later ones", async () => {
    const settings = { max_connections: 17, log_statement: "all" };
    await using server = await startOwnServer({ settings });
    await server.stop();
    await server.start({ log_statement: "none" });
    const shown =
      "SELECT current_setting('max_connections') AS c, current_setting('log_statement') AS l";
    expect(await query(server.url, shown)).toEqual([{ c: "17", l: "none" }]);
  });

  test("leaves nothing behind where it cannot start, and says why", async () => {
    await expect(startOwnServer({ settings: { no_such_setting: 1 } })).rejects.toThrow(
      'unrecognized configuration parameter "no_such_setting"',
    );
  });
});

interface Held {
  url: string;
  port: number;
  logFile: string;
}

async function startHolder(): Promise<{ holder: ChildProcess; held: Held }> {
  const path = join(import.meta.dirname, "serverHolder.child.ts");
  const holder = fork(path, { execArgv: [], stdio: "inherit" });
  onTestFinished(() => void holder.kill("SIGKILL"));
  const [held] = (await once(holder, "message")) as [Held];
  return { holder, held };
}

function expectGone({ port, logFile }: Held) {
  return expect
    .poll(async () => (await isListening(port)) || existsSync(dirname(logFile)), {
      timeout: goneWithinMs,
    })
    .toBe(false);
}

describe("the server of a program", () => {
  test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "goes when %s ends the program",
    async (signal) => {
      const { holder, held } = await startHolder();
      expect(await isListening(held.port)).toBe(true);
      holder.kill(signal);
      await expectGone(held);
    },
  );

  test("goes at the next start if its supervisor was killed as well", async () => {
    const { holder, held } = await startHolder();
    const supervisor = Number(basename(dirname(held.logFile)).split("~")[1]);
    process.kill(supervisor, "SIGKILL");
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(await isListening(held.port)).toBe(true);
    await using _next = await startOwnServer();
    await expectGone(held);
  });
});
