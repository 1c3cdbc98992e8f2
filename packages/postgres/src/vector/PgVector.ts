import type { SqlExecutor } from "@workglow/storage/sql";
import { StorageError, StorageNotSetUpError } from "@workglow/util";
import { sqlState } from "../postgresErrors.ts";

/** The first version whose approximate scans go on until a filter has let enough rows through. */
const LEAST_VERSION = "0.8.0";

const FIND = {
  text: `SELECT e.extversion, quote_ident(n.nspname), t.oid::text
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_type AS t ON t.typnamespace = n.oid AND t.typname = 'vector'
WHERE e.extname = 'vector'`,
  params: [],
};

const HOW_TO_GET_IT = `install pgvector ${LEAST_VERSION} or later on the server (package postgresql-NN-pgvector; for PGlite: @electric-sql/pglite-pgvector and new PGlite({ extensions: { vector } })), then CREATE EXTENSION vector, for which a role needs CREATE on the database`;

/** Where a database has the pgvector extension, and under which number. */
interface Installed {
  readonly schema: string;
  /** The number of the type `vector`, which arrays in binary form name. */
  readonly type: number;
}

const extensions = new WeakMap<object, PgVector>();

/**
 * The pgvector extension of one database. Its schema need not be on the search path: types and
 * operators are written with it.
 */
export class PgVector {
  private installed: Installed | undefined;
  private looking: Promise<boolean> | undefined;

  /** @param handle the pool or database that storages share */
  public static of(handle: object): PgVector {
    let extension = extensions.get(handle);
    if (extension === undefined) {
      extension = new PgVector();
      extensions.set(handle, extension);
    }
    return extension;
  }

  /** Whether it is known where the extension is. */
  public get found(): boolean {
    return this.installed !== undefined;
  }

  public get typeNumber(): number {
    return this.installed?.type ?? 0;
  }

  /** A type or operator class of the extension's, as statements name it. */
  public named(name: string): string {
    return this.installed === undefined ? name : `${this.installed.schema}.${name}`;
  }

  /** The negative inner product. */
  public get distance(): string {
    return this.installed === undefined ? "<#>" : `OPERATOR(${this.installed.schema}.<#>)`;
  }

  /**
   * Looks the extension up, once for all storages.
   *
   * @throws StorageNotSetUpError without it
   */
  public async find(executor: SqlExecutor): Promise<void> {
    this.looking ??= this.read(executor).finally(() => {
      this.looking = undefined;
    });
    if (await this.looking) return;
    throw new StorageNotSetUpError(
      `the database has no extension "vector": call setupDatabase(), or ${HOW_TO_GET_IT}`,
    );
  }

  /**
   * Creates the extension where the database has none.
   *
   * @throws StorageError (`PGVECTOR`) where the server does not know it or too old a version, and
   *   where the role may not create it
   */
  public async setUp(executor: SqlExecutor): Promise<void> {
    if (await this.read(executor)) return;
    try {
      await executor.execute({ text: "CREATE EXTENSION IF NOT EXISTS vector", params: [] });
    } catch (cause) {
      // Somebody else may have created it in this moment.
      if (await this.read(executor)) return;
      throw missing(cause);
    }
    await this.find(executor);
  }

  private async read(executor: SqlExecutor): Promise<boolean> {
    const { rows } = await executor.execute(FIND, { mode: "read" });
    const [row] = rows;
    if (row === undefined) return false;
    const [version, schema, type] = row.map(String) as [string, string, string];
    if (compareVersions(version, LEAST_VERSION) < 0) {
      throw new StorageError(
        `the database has pgvector ${version}, and ${LEAST_VERSION} is needed: ALTER EXTENSION vector UPDATE`,
        { kind: "fatal", code: "PGVECTOR" },
      );
    }
    this.installed = { schema, type: Number(type) };
    return true;
  }
}

function missing(cause: unknown): StorageError {
  const state = sqlState(cause) ?? sqlState((cause as { readonly cause?: unknown }).cause);
  const text =
    state === "42501"
      ? `the role of this connection may not create the extension "vector"; let one do so that may: ${HOW_TO_GET_IT}`
      : `the server cannot create the extension "vector": ${HOW_TO_GET_IT}`;
  return new StorageError(text, { kind: "fatal", code: "PGVECTOR", cause });
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
