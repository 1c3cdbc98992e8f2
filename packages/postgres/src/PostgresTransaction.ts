import { TransactionScope } from "@workglow/storage";
import type { SqlExecutor } from "@workglow/storage/sql";

/** A transaction and the executor of its connection. */
export class PostgresTransaction extends TransactionScope {
  /** Set by the executor that opens it. */
  public executor!: SqlExecutor;
  /**
   * Whether it is part of a transaction of the user's own, whose outcome only the user knows:
   * events of its calls are not emitted then.
   */
  public readonly joined: boolean;

  public constructor(database: object, parent: PostgresTransaction | undefined, joined = false) {
    super(database, parent);
    this.joined = joined || parent?.joined === true;
  }

  public override committed(): void {
    if (this.joined && this.parent === undefined) this.rolledBack();
    else super.committed();
  }
}
