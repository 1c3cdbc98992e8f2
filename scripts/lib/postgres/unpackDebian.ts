import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runToEnd } from "../runToEnd.ts";
import { makeFolder } from "./cacheFolder.ts";

/** The Debian mirror that this machine's own apt uses. */
export function debianMirror(): string | undefined {
  const folder = "/etc/apt/sources.list.d";
  const lists = existsSync(folder) ? readdirSync(folder).sort() : [];
  const texts = ["/etc/apt/sources.list", ...lists.map((name) => join(folder, name))]
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8"));
  return debianMirrorIn(texts.join("\n"));
}

/**
 * @param sources in either of apt's notations: a line of its own for the address, or one line for all
 * @returns the first address that ends with /debian, which those of other projects do not
 */
export function debianMirrorIn(sources: string): string | undefined {
  const field = /^URIs:(?:.*\s)?(https?:\S+\/debian)\/?(?:\s|$)/m;
  const line = /^deb\s+(?:\[.*?\]\s+)?(https?:\S+\/debian)\/?\s/m;
  return (field.exec(sources) ?? line.exec(sources))?.[1];
}

export interface DebianTree {
  mirror: string;
  /** A name of a Debian release, such as "trixie". */
  suite: string;
  /** Is made; becomes a root to `chroot` into. */
  folder: string;
  packages: readonly string[];
}

/**
 * Fetches packages of a Debian release with all that they depend on, and unpacks them into a folder
 * of their own. The machine's own packages stay as they are. Signatures are checked by apt.
 */
export async function unpackDebian({ mirror, suite, folder, packages }: DebianTree): Promise<void> {
  const apt = `${folder}/apt`;
  mkdirSync(`${apt}/lists/partial`, { recursive: true });
  mkdirSync(`${apt}/cache/archives/partial`, { recursive: true });
  writeFileSync(`${apt}/status`, "");
  const keys = "/usr/share/keyrings/debian-archive-keyring";
  const signedBy = [`${keys}.gpg`, `${keys}.pgp`].find((path) => existsSync(path));
  const signed = signedBy === undefined ? "" : `[signed-by=${signedBy}] `;
  writeFileSync(`${apt}/sources.list`, `deb ${signed}${mirror} ${suite} main\n`);

  const options = aptOptions(apt);
  await runToEnd("apt-get", [...options, "-qq", "update"]);
  // An empty status file lets apt fetch every dependency. bash comes for initdb, which calls a shell.
  const wanted = ["base-files", "coreutils", "bash", ...packages];
  await runToEnd("apt-get", [...options, "-qq", "-y", "--download-only", "install", ...wanted]);
  await unpack(folder, `${apt}/cache/archives`);
  await completeRoot(folder);
  rmSync(apt, { recursive: true });
}

function aptOptions(apt: string): string[] {
  return [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
  ].flatMap((option) => ["-o", option]);
}

async function unpack(folder: string, archives: string) {
  // Packages still name /bin and /lib, which are links to those of /usr.
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(`${folder}/usr/${name}`, { recursive: true });
    symlinkSync(`usr/${name}`, `${folder}/${name}`);
  }
  const script =
    'dpkg-deb --fsys-tarfile "$1" | tar -C "$2" -x --keep-directory-symlink --no-same-owner -f -';
  for (const name of readdirSync(archives).filter((file) => file.endsWith(".deb"))) {
    await runToEnd("sh", ["-c", script, "sh", join(archives, name), folder]);
  }
}

/** What maintainer scripts and the system would otherwise set up. */
async function completeRoot(folder: string) {
  if (!existsSync(`${folder}/usr/bin/sh`)) symlinkSync("bash", `${folder}/usr/bin/sh`);
  for (const name of ["tmp", "dev", "etc"]) makeFolder(join(folder, name));
  chmodSync(`${folder}/tmp`, 0o1777);
  for (const name of ["passwd", "group"]) copyFileSync(`/etc/${name}`, `${folder}/etc/${name}`);
  await makeDevice(`${folder}/dev/null`, 3);
  await makeDevice(`${folder}/dev/urandom`, 9);
}

async function makeDevice(path: string, minor: number) {
  try {
    await runToEnd("mknod", ["-m", "666", path, "c", "1", String(minor)]);
    closeSync(openSync(path, "r"));
  } catch {
    // Containers may forbid devices. /dev/null then is a file that collects a few lines of initdb's,
    // and random bytes come from the system call.
    rmSync(path, { force: true });
    if (minor !== 3) return;
    writeFileSync(path, "");
    chmodSync(path, 0o666);
  }
}
