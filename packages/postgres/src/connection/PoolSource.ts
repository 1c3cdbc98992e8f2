import type { SqlResult } from "@workglow/storage/sql";
import { StorageBusyError } from "@workglow/util";
import { commit } from "./commit.ts";
import { EndWatch } from "./EndWatch.ts";
import { PgConnection, runOnce } from "./PgConnection.ts";
import type { PgPool, PgPoolClient } from "./PgPool.ts";
import {
  BEGIN,
  type PostgresIsolation,
  type PostgresQuery,
  type PostgresSession,
  type PostgresSource,
} from "./PostgresSource.ts";

const listenedTo = new WeakSet<object>();

/** Without a listener an idle connection's end would be the process's. The next call will tell. */
function surviveErrors(emitter: { on(event: "error", listener: () => void): unknown }): void {
  if (listenedTo.has(emitter)) return;
  listenedTo.add(emitter);
  emitter.on("error", () => undefined);
}

/** Connections of a pool that the user made and will end. */
export class PoolSource implements PostgresSource {
  public readonly handle: object;
  /** Several sessions can be open at a time. */
  public readonly concurrent = true;
  public readonly ends: EndWatch;
  private readonly pool: PgPool;
  private readonly acquireTimeoutMs: number;

  /** @param acquireTimeoutMs how long a call waits for a free connection, in ms */
  public constructor(pool: PgPool, acquireTimeoutMs: number) {
    this.handle = pool;
    this.pool = pool;
    this.acquireTimeoutMs = acquireTimeoutMs;
    this.ends = new EndWatch(pool);
    surviveErrors(pool);
  }

  public run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    return signal === undefined && this.pool.idleCount > this.pool.waitingCount
      ? this.runOnIdle(query)
      : this.runInTurn(query, signal);
  }

  /** Where a connection is free there is nothing to wait for, and no timer to set. */
  private runOnIdle(query: PostgresQuery): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      this.ends.add(reject);
      this.pool.connect((failure, client) => {
        this.ends.remove(reject);
        if (client === undefined) {
          reject(failure);
          return;
        }
        surviveErrors(client);
        try {
          runOnce(client, query, (error, result, broken) => {
            client.release(broken);
            if (result === undefined) reject(error);
            else resolve(result);
          });
        } catch (error) {
          // Nothing was sent: a value could not be written as it has to travel.
          client.release();
          reject(error);
        }
      });
    });
  }

  private async runInTurn(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    const client = await this.acquire(signal);
    const connection = new PgConnection(client);
    try {
      return await connection.run(query, signal);
    } finally {
      client.release(connection.broken);
    }
  }

  public async begin(isolation: PostgresIsolation, signal?: AbortSignal): Promise<PostgresSession> {
    const client = await this.acquire(signal);
    const connection = new PgConnection(client);
    try {
      await connection.command(BEGIN[isolation]);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return new PoolSession(client, connection);
  }

  /**
   * A connection for the caller alone, to be given back by its `release`.
   *
   * @throws StorageBusyError where none becomes free in time
   */
  public acquire(signal?: AbortSignal): Promise<PgPoolClient> {
    return new Promise((resolve, reject) => {
      let settled = false;
      const giveUp = (error: unknown): void => {
        if (settled) return;
        settled = true;
        finish();
        reject(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const timer = setTimeout(() => giveUp(exhausted(this.pool)), this.acquireTimeoutMs);
      const finish = (): void => {
        clearTimeout(timer);
        this.ends.remove(giveUp);
        signal?.removeEventListener("abort", onAbort);
      };
      if (signal?.aborted) return giveUp(signal.reason);
      try {
        this.ends.add(giveUp);
      } catch (error) {
        return giveUp(error);
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      // Not by a promise: the connection's end may arrive together with its beginning.
      this.pool.connect((failure, client) => {
        if (client === undefined) return giveUp(failure);
        surviveErrors(client);
        if (settled) return client.release();
        settled = true;
        finish();
        resolve(client);
      });
    });
  }
}

const exhausted = ({ totalCount, waitingCount }: PgPool): StorageBusyError =>
  new StorageBusyError(
    `no connection of the pool became free in time: all ${totalCount} are in use, and ${waitingCount} calls wait`,
    { code: "POOL_EXHAUSTED" },
  );

class PoolSession implements PostgresSession {
  private readonly client: PgPoolClient;
  private readonly connection: PgConnection;
  private released = false;

  public constructor(client: PgPoolClient, connection: PgConnection) {
    this.client = client;
    this.connection = connection;
  }

  public run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    return this.connection.run(query, signal);
  }

  public async command(text: string): Promise<void> {
    await this.connection.command(text);
  }

  public async commit(): Promise<void> {
    try {
      await commit(this.connection);
    } finally {
      this.release();
    }
  }

  public async rollback(): Promise<void> {
    if (this.released) return;
    let rolledBack = false;
    try {
      await this.connection.command("ROLLBACK");
      rolledBack = true;
    } catch {
      // A connection that is gone has rolled back by itself.
    }
    this.release(!rolledBack);
  }

  /** A failed commit has ended the transaction: the connection is as good as new. */
  private release(broken = this.connection.broken): void {
    this.released = true;
    this.client.release(broken);
  }
}
