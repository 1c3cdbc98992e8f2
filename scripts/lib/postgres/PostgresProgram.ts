/** Where Debian has it, which not every PATH does. */
const CHROOT = "/usr/sbin/chroot";

/**
 * An installation of PostgreSQL: where it lies and as whom it runs. Plain data, as it is sent to the
 * process that supervises a server.
 */
export interface PostgresProgram {
  readonly name: "debian" | "embedded";
  /** For people, such as "PostgreSQL 17 with pgvector (Debian)". */
  readonly title: string;
  readonly hasVector: boolean;
  /** The folder of `postgres` and `initdb`; inside `chroot`, where there is one. */
  readonly binFolder: string;
  /** Servers keep their data below this folder, as it is seen from outside of `chroot`. */
  readonly runsFolder: string;
  /** The folder that is the programs' root. */
  readonly chroot?: string;
  /** PostgreSQL refuses to run as root. */
  readonly user?: UserIds;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export interface Invocation {
  readonly file: string;
  readonly args: string[];
  readonly options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number };
}

/** How a program of the installation is called. The called process is the program itself. */
export function invocationOf(
  program: PostgresProgram,
  name: "postgres" | "initdb",
  args: readonly string[],
): Invocation {
  // Messages are read by people and by tests: they do not follow the machine's language.
  const env = { ...process.env, LC_ALL: "C" };
  const file = `${program.binFolder}/${name}`;
  if (program.chroot === undefined) {
    return { file, args: [...args], options: { cwd: program.runsFolder, env, ...program.user } };
  }
  const { uid, gid } = program.user ?? { uid: 0, gid: 0 };
  return {
    file: CHROOT,
    args: [`--userspec=${uid}:${gid}`, program.chroot, file, ...args],
    options: { cwd: "/", env },
  };
}

/** A path as the programs of the installation see it. */
export function seenByProgram({ chroot }: PostgresProgram, path: string): string {
  return chroot === undefined ? path : path.slice(chroot.length);
}
