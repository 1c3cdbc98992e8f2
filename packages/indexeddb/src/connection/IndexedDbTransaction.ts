import { runInTransactionContext, type Transaction, TransactionScope } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type { IndexedDbDatabase } from "./IndexedDbDatabase.ts";
import { OpenTransaction } from "./OpenTransaction.ts";
import type { StoreTransaction } from "./StoreTransaction.ts";
import { UndoLog } from "./UndoLog.ts";

/** A transaction of the user's, or a savepoint in one. */
export class IndexedDbTransaction extends TransactionScope {
  /** What this savepoint has written over; the outermost transaction has IndexedDB's own way back. */
  public readonly undo: UndoLog | undefined;
  private readonly under: OpenTransaction;

  private constructor(
    database: IndexedDbDatabase,
    under: OpenTransaction,
    parent?: IndexedDbTransaction,
  ) {
    super(database, parent);
    this.under = under;
    this.undo = parent && new UndoLog();
  }

  /** Runs `fn` in a transaction on all stores of the database; commits when it resolves. */
  public static async run<T>(
    database: IndexedDbDatabase,
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    const raw = await database.beginForUser(o?.signal);
    const under = new OpenTransaction(raw, database.idleLimitMs);
    const tx = new IndexedDbTransaction(database, under);
    const onAbort = (): void => void under.abort(o?.signal?.reason);
    o?.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await under.begin(tx);
      const result = await Promise.race([runInTransactionContext(tx, () => fn(tx)), under.givenUp]);
      tx.end();
      await under.commit(tx);
      tx.committed();
      return result;
    } catch (error) {
      tx.rolledBack();
      await under.abort(error);
      throw error;
    } finally {
      o?.signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Runs `work` when it is its turn: its requests in one go, all of its writes or none. */
  public run<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.under.call(this, work);
  }

  /** Runs `fn` in a savepoint, whose writes are taken back when it throws. */
  public async savepoint<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    const inner = await this.under.enter(
      this,
      () => new IndexedDbTransaction(this.database as IndexedDbDatabase, this.under, this),
    );
    try {
      o?.signal?.throwIfAborted();
      const result = await runInTransactionContext(inner, () => fn(inner));
      o?.signal?.throwIfAborted();
      inner.end();
      await this.under.leave(inner, false);
      inner.committed();
      return result;
    } catch (error) {
      inner.rolledBack();
      await this.under.leave(inner, true);
      throw error;
    }
  }
}
