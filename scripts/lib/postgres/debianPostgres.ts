import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isRoot } from "../isRoot.ts";
import { runToEnd } from "../runToEnd.ts";
import { Unavailable } from "../Unavailable.ts";
import { cacheFolder, makeFolder } from "./cacheFolder.ts";
import { invocationOf, type PostgresProgram } from "./PostgresProgram.ts";
import { serverUser } from "./serverUser.ts";
import { debianMirror, unpackDebian } from "./unpackDebian.ts";

const suite = "trixie";
const major = 17;
const folder = join(cacheFolder, `debian-${suite}-postgresql-${major}-${process.arch}`);

let found: Promise<PostgresProgram> | undefined;

/**
 * PostgreSQL with pgvector from Debian, unpacked beside the machine's own packages. The first call
 * on a machine fetches it, which takes some ten seconds.
 *
 * @param say is told what takes so long
 * @throws Unavailable where there is no root, no apt, no Debian mirror, or no way to fetch or run it.
 */
export function debianPostgres(say: (line: string) => void = () => {}): Promise<PostgresProgram> {
  found ??= find(say);
  return found;
}

async function find(say: (line: string) => void): Promise<PostgresProgram> {
  if (process.platform !== "linux" || !isRoot) throw new Unavailable("needs Linux and root");
  try {
    if (!existsSync(folder)) await install(say);
    const program: PostgresProgram = {
      name: "debian",
      title: `PostgreSQL ${major} with pgvector (Debian)`,
      hasVector: true,
      binFolder: `/usr/lib/postgresql/${major}/bin`,
      runsFolder: join(folder, "runs"),
      chroot: folder,
      user: serverUser(),
    };
    const { file, args, options } = invocationOf(program, "postgres", ["--version"]);
    await runToEnd(file, args, options);
    return program;
  } catch (error) {
    throw new Unavailable(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function install(say: (line: string) => void) {
  const mirror = debianMirror();
  if (mirror === undefined) throw new Unavailable("needs apt with a Debian mirror in its sources");
  say(`Fetching PostgreSQL ${major} with pgvector from Debian (some ten seconds) …`);
  removeAbandonedParts();
  const partial = `${folder}.${process.pid}`;
  try {
    await unpackDebian({
      mirror,
      suite,
      folder: partial,
      packages: [`postgresql-${major}`, `postgresql-${major}-pgvector`],
    });
    makeFolder(join(partial, "runs"));
    // Another run may have been faster; its folder is as good.
    if (!existsSync(folder)) renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** What a killed run has left half unpacked. */
function removeAbandonedParts() {
  makeFolder(cacheFolder);
  for (const name of readdirSync(cacheFolder)) {
    const [, pid] = /^debian-.*\.(\d+)$/.exec(name) ?? [];
    if (pid && !existsSync(`/proc/${pid}`)) {
      rmSync(join(cacheFolder, name), { recursive: true, force: true });
    }
  }
}
