import type { SqlResult } from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import { commit } from "./commit.ts";
import { PgConnection } from "./PgConnection.ts";
import type { PgClient } from "./PgPool.ts";
import {
  BEGIN,
  type PostgresIsolation,
  type PostgresQuery,
  type PostgresSession,
  type PostgresSource,
} from "./PostgresSource.ts";

/** A client that the user holds; newer versions of `pg` tell whether it is in a transaction. */
export interface HeldClient extends PgClient {
  getTransactionStatus?(): string | null;
}

/** What a transaction inside one of the user's is undone by. */
const SAVEPOINT = "workglow_joined";

/** One connection that the user holds, inside a transaction of the user's or not. */
export class ClientSource implements PostgresSource {
  public readonly handle: object;
  private readonly client: HeldClient;
  private readonly connection: PgConnection;

  /** @param handle the pool whose storages take part */
  public constructor(client: HeldClient, handle: object) {
    this.handle = handle;
    this.client = client;
    this.connection = new PgConnection(client);
  }

  /** Whether the user has a transaction open, whose commit is the user's. */
  public get inTransaction(): boolean {
    const status = this.client.getTransactionStatus?.();
    if (status === undefined) {
      throw new StorageValidationError(
        "this version of pg does not tell whether the client is in a transaction: 8.17 does",
      );
    }
    return status === "T" || status === "E";
  }

  public run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    return this.connection.run(query, signal);
  }

  public async begin(isolation: PostgresIsolation): Promise<PostgresSession> {
    const { connection, inTransaction } = this;
    await connection.command(inTransaction ? `SAVEPOINT ${SAVEPOINT}` : BEGIN[isolation]);
    return inTransaction ? new JoinedSession(connection) : new OwnSession(connection);
  }
}

abstract class ClientSession implements PostgresSession {
  protected readonly connection: PgConnection;

  public constructor(connection: PgConnection) {
    this.connection = connection;
  }

  public run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    return this.connection.run(query, signal);
  }

  public async command(text: string): Promise<void> {
    await this.connection.command(text);
  }

  public abstract commit(): Promise<void>;

  public async rollback(): Promise<void> {
    // A connection that is gone has rolled back by itself; the user's next statement tells.
    await this.undo().catch(() => undefined);
  }

  protected abstract undo(): Promise<unknown>;
}

class OwnSession extends ClientSession {
  public commit(): Promise<void> {
    return commit(this.connection);
  }

  protected undo(): Promise<unknown> {
    return this.connection.command("ROLLBACK");
  }
}

class JoinedSession extends ClientSession {
  public async commit(): Promise<void> {
    await this.connection.command(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  }

  protected undo(): Promise<unknown> {
    return this.connection.command(
      `ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`,
    );
  }
}
