import type { SqlParam, SqlResult, SqlRow } from "@workglow/storage/sql";
import { refuseRollback } from "./commit.ts";
import type { Pglite, PgliteQueryOptions, PgliteTransaction } from "./Pglite.ts";
import type {
  PostgresIsolation,
  PostgresQuery,
  PostgresSession,
  PostgresSource,
} from "./PostgresSource.ts";
import { decoderOf, paramText } from "./pgValues.ts";

/** All types that PGlite has a conversion of its own for, and their arrays. */
const PGLITE_TYPES = [
  16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 869, 1000, 1001, 1002, 1003, 1005, 1007, 1009,
  1015, 1016, 1021, 1022, 1028, 1042, 1043, 1082, 1083, 1114, 1115, 1182, 1184, 1185, 1186, 1231,
  1266, 1700, 199, 2950, 2951, 3802, 3807,
];

/** Every parameter arrives as the text that it is to be. */
const asIs = (value: unknown): string => String(value);

const options: PgliteQueryOptions = {
  rowMode: "array",
  parsers: Object.fromEntries(PGLITE_TYPES.map((type) => [type, decoderOf(type)])),
  serializers: new Proxy({}, { get: () => asIs }),
};

type Queries = Pick<Pglite, "query">;

async function runOn(target: Queries, { text, params }: PostgresQuery): Promise<SqlResult> {
  const values = params.map((param) => paramText(param as SqlParam));
  const { rows, affectedRows } = await target.query(text, values, options);
  return { rows: rows as SqlRow[], changes: rows.length || (affectedRows ?? 0) };
}

/** The one session of an embedded database. It can stop between statements only. */
export class PgliteSource implements PostgresSource {
  public readonly handle: object;
  /** There is one session. */
  public readonly concurrent = false;
  public readonly database: Pglite;

  public constructor(database: Pglite) {
    this.handle = database;
    this.database = database;
  }

  public async run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    if (signal === undefined) return runOn(this.database, query);
    signal.throwIfAborted();
    // It may wait for its turn, and is not to begin when nobody waits for it any more.
    return this.database.transaction((tx) => {
      signal.throwIfAborted();
      return runOn(tx, query);
    });
  }

  /** With one session nothing runs beside the transaction: its isolation does not matter. */
  public begin(_isolation: PostgresIsolation, signal?: AbortSignal): Promise<PostgresSession> {
    return new Promise((resolve, reject) => {
      const ended = this.database.transaction(async (tx) => {
        if (signal?.aborted) throw signal.reason;
        const session = new PgliteSession(tx, () => ended);
        resolve(session);
        await session.ending;
      });
      // Once the session is there, whoever ends it is told.
      ended.catch(reject);
    });
  }
}

/** Thrown through PGlite's own transaction to undo it. */
const ROLLBACK = Symbol("rollback");

class PgliteSession implements PostgresSession {
  public readonly ending: Promise<void>;
  private readonly tx: PgliteTransaction;
  private readonly ended: () => Promise<void>;
  private finish: (() => void) | undefined;
  private undo: ((reason: symbol) => void) | undefined;

  public constructor(tx: PgliteTransaction, ended: () => Promise<void>) {
    this.tx = tx;
    this.ended = ended;
    this.ending = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.undo = reject;
    });
  }

  public async run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    signal?.throwIfAborted();
    return runOn(this.tx, query);
  }

  public async command(text: string): Promise<void> {
    await this.tx.exec(text);
  }

  public async commit(): Promise<void> {
    // PGlite does not tell a commit that became a rollback.
    const failed = await this.hasFailed();
    if (failed) {
      await this.rollback();
      refuseRollback();
    }
    this.finish?.();
    await this.ended();
  }

  public async rollback(): Promise<void> {
    this.undo?.(ROLLBACK);
    await this.ended().catch(() => undefined);
  }

  private async hasFailed(): Promise<boolean> {
    try {
      await this.tx.query("SELECT 1");
      return false;
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === "25P02") return true;
      throw error;
    }
  }
}
