import {
  inKeyOrder,
  inParts,
  type PartLimits,
  type SqlResult,
  type SqlStatement,
  type SqlValue,
  type StatementLookup,
  type StatementStack,
} from "@workglow/storage/sql";
import { atEndOfTick, isTransient } from "@workglow/util";

/** A longer list would keep its first caller waiting for the work of the last. */
const MOST: PartLimits = { count: 512, size: 4_000_000 };
const ONE_CHANGE: SqlResult = { rows: [], changes: 1 };

interface Call {
  readonly statement: SqlStatement;
  readonly resolve: (result: SqlResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs a statement by itself. */
type Run = (statement: SqlStatement) => Promise<SqlResult>;

/**
 * Point reads and upserts that are made within one tick travel as one statement. Each call settles
 * by itself: where the shared statement fails for one of them, each is run alone.
 */
export class StatementBatches {
  private readonly run: Run;
  private readonly typed: (error: unknown) => unknown;
  private open = new Map<StatementStack | StatementLookup, Call[]>();

  /** @param typed makes a new error of a driver's, as the caller's storage is written into it */
  public constructor(run: Run, typed: (error: unknown) => unknown) {
    this.run = run;
    this.typed = typed;
  }

  /** Whether the statement can share another one. */
  public takes({ stack, lookup }: SqlStatement): boolean {
    return stack !== undefined || lookup !== undefined;
  }

  public join(statement: SqlStatement): Promise<SqlResult> {
    const kind = (statement.stack ?? statement.lookup) as StatementStack | StatementLookup;
    return new Promise((resolve, reject) => {
      const call = { statement, resolve, reject };
      if (this.open.size === 0) atEndOfTick(() => this.flush());
      const calls = this.open.get(kind);
      if (calls === undefined) this.open.set(kind, [call]);
      else calls.push(call);
    });
  }

  private flush(): void {
    const batches = this.open;
    this.open = new Map();
    for (const calls of batches.values()) {
      for (const part of inParts(calls, ({ statement }) => statement.params, MOST)) {
        const [first] = part;
        if (part.length === 1 && first !== undefined) void this.runAlone(first);
        else void this.runTogether(part);
      }
    }
  }

  private async runTogether(calls: readonly Call[]): Promise<void> {
    const [first] = calls;
    if (first === undefined) return;
    const { stack, lookup } = first.statement;
    try {
      if (stack !== undefined) await this.runStack(stack, calls);
      else if (lookup !== undefined) await this.runLookup(lookup, calls);
    } catch (error) {
      if (isTransient(this.typed(error))) for (const call of calls) call.reject(this.typed(error));
      else for (const call of calls) await this.runAlone(call);
    }
  }

  private async runStack(stack: StatementStack, calls: readonly Call[]): Promise<void> {
    const rows = calls.map(({ statement }) => statement.params);
    await this.run(stack.listed(inKeyOrder(rows, stack.lockOrder)));
    for (const call of calls) call.resolve(ONE_CHANGE);
  }

  private async runLookup(lookup: StatementLookup, calls: readonly Call[]): Promise<void> {
    const { rows } = await this.run(lookup.listed(calls.map(({ statement }) => statement.params)));
    const found = new Array<readonly SqlValue[] | undefined>(calls.length);
    for (const [place, ...values] of rows) found[place as number] = values;
    for (let at = 0; at < calls.length; at++) {
      const values = found[at];
      calls[at]?.resolve({
        rows: values === undefined ? [] : [values],
        changes: values === undefined ? 0 : 1,
      });
    }
  }

  private runAlone({ statement, resolve, reject }: Call): Promise<void> {
    return this.run(statement).then(resolve, reject);
  }
}
