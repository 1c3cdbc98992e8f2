import { TransactionScope } from "@workglow/storage";
import type { SqlExecutor } from "@workglow/storage/sql";

/** A transaction and the executor of its connection. */
export class PostgresTransaction extends TransactionScope {
  /** Set by the executor that opens it. */
  public executor!: SqlExecutor;

  public constructor(database: object, parent: PostgresTransaction | undefined, joined = false) {
    super(database, parent, joined);
  }

  /** Events of calls in a joined transaction are not emitted: nobody tells of its commit. */
  public override committed(): void {
    if (this.joined && this.parent === undefined) this.rolledBack();
    else super.committed();
  }
}
