import {
  type Awaitable,
  andThen,
  type Prefix,
  type Transaction,
  type Unsubscribe,
} from "@workglow/storage";
import type { SqlChangeFeed, SqlExecutor, SqlRow, SqlStatement } from "@workglow/storage/sql";
import type { CallOptions } from "@workglow/util";
import { BaseQueueStorage } from "../BaseQueueStorage.ts";
import { type FinalJobStatus, isFinalStatus, JobStatus } from "../JobStatus.ts";
import type { StoredJob } from "../JobStorageFormat.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import { jobNumber } from "../jobId.ts";
import type { NewJob } from "../newJob.ts";
import type { QueueStorageOptions } from "../QueueStorageOptions.ts";
import type {
  ClaimRequest,
  ClaimResult,
  ClaimTerms,
  FencedOutcome,
  QueueChange,
} from "../queueDriver.ts";
import { type BatchProgram, CallBatches } from "./CallBatches.ts";
import { JobInserts } from "./insertJobs.ts";
import { libraryTablesSql, setUpLibraryTables } from "./LibraryTable.ts";
import { QueueQueries } from "./QueueQueries.ts";
import { DELETE_BATCH, QueueStatements } from "./QueueStatements.ts";
import {
  addProgram,
  type ClaimedRows,
  claimProgram,
  deleteAllProgram,
  endProgram,
  peekPendingProgram,
  releaseProgram,
  renewProgram,
  saveProgressProgram,
  type TermedClaim,
} from "./queuePrograms.ts";
import { LEASES_TABLE } from "./queueTables.ts";

/** A job queue on any SQL database: its driver methods are statements for an executor. */
export abstract class SqlQueueStorage<Input, Output> extends BaseQueueStorage<Input, Output> {
  protected readonly executor: SqlExecutor;
  private readonly statements: QueueStatements;
  private readonly queries: QueueQueries;
  private readonly inserts: JobInserts;
  private readonly batches = new CallBatches();
  private readonly claims: BatchProgram<TermedClaim, ClaimedRows>;
  private readonly endings: BatchProgram<readonly JobEnding[], readonly FencedOutcome[]>;

  protected constructor(
    executor: SqlExecutor,
    queueName: string,
    options: QueueStorageOptions | undefined,
  ) {
    super(queueName, options);
    this.executor = executor;
    this.statements = new QueueStatements(executor.dialect, queueName, this.prefixes);
    this.queries = new QueueQueries(executor.dialect, queueName, this.prefixes);
    this.inserts = new JobInserts(this.statements);
    const { statements } = this;
    this.claims = (requests) => claimProgram(statements, requests);
    this.endings = function* (calls) {
      const outcomes = [...(yield* endProgram(statements, calls.flat()))];
      return calls.map((endings) => outcomes.splice(0, endings.length));
    };
  }

  /** The statements that set the storage up, for teams that run DDL themselves. */
  public schemaSql(): string {
    return libraryTablesSql(this.executor.dialect, [this.statements.table, LEASES_TABLE]);
  }

  /** The feed that brings this database's changes. */
  protected abstract get changeFeed(): SqlChangeFeed;

  protected override databaseIdentity(): object {
    return this.executor.database;
  }

  protected override scoped(tx: Transaction): this {
    return Object.create(this, {
      scope: { value: tx },
      executor: { value: this.executor.within(tx) },
      batches: { value: new CallBatches() },
    }) as this;
  }

  protected override classifyError(error: unknown, operation: string): unknown {
    return this.executor.classify(error, operation);
  }

  // ——— driver methods

  protected override _setup(o: CallOptions | undefined): Promise<void> {
    this.batches.seal();
    const tables = [this.statements.table, LEASES_TABLE];
    return setUpLibraryTables(this.executor, tables, this.changeFeed, o);
  }

  protected override _add(
    jobs: readonly NewJob[],
    o: CallOptions | undefined,
  ): Promise<readonly unknown[]> {
    this.batches.seal();
    return this.executor.atomic(() => addProgram(this.inserts, jobs), o);
  }

  protected override _claim(
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<ClaimResult<Input, Output>> {
    const { codec } = this.statements;
    return andThen(this.together(this.claims, { ...request, terms }, o), (claimed) => {
      const mark = {
        worker_id: request.workerId,
        lease_token: claimed.token,
        lease_instance: terms.instance,
      };
      const jobs = claimed.rows.map((row) => codec.decodeClaimed<Input, Output>(row, mark));
      return { jobs, renewed: claimed.renewed, sweepAgain: claimed.sweepAgain };
    });
  }

  protected override _end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]> {
    return this.together(this.endings, endings, o);
  }

  protected override _release(
    claim: { readonly id: unknown; readonly token: string },
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    this.batches.seal();
    return this.executor.atomic(() => releaseProgram(this.statements, claim), o);
  }

  protected override _saveProgress(
    progress: JobProgress,
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    this.batches.seal();
    return this.executor.atomic(() => saveProgressProgram(this.statements, progress), o);
  }

  protected override async _get(
    id: unknown,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output> | undefined> {
    const number = jobNumber(id);
    if (number === undefined) return undefined;
    const { rows } = await this.execute(this.queries.get({ id: number }), o);
    return this.decoded(rows)[0];
  }

  protected override async _peek(
    status: JobStatus,
    limit: number,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    const { queries } = this;
    if (status === JobStatus.PENDING) {
      this.batches.seal();
      const program = () => peekPendingProgram(queries, limit);
      return this.decoded(await this.executor.atomic(program, { ...o, mode: "read" }));
    }
    const peek = isFinalStatus(status) ? queries.peekFinal : queries.peekActive;
    return this.decoded((await this.execute(peek({ status, limit }), o)).rows);
  }

  protected override async _size(status: JobStatus, o: CallOptions | undefined): Promise<number> {
    const { countPending, countFinal, countActive } = this.queries;
    const statement =
      status === JobStatus.PENDING
        ? countPending({})
        : (isFinalStatus(status) ? countFinal : countActive)({ status });
    return Number((await this.execute(statement, o)).rows[0]?.[0]);
  }

  protected override async _getByRunId(
    runId: string,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.decoded((await this.execute(this.queries.byRun({ runId }), o)).rows);
  }

  protected override async _outputFor(
    fingerprint: string,
    o: CallOptions | undefined,
  ): Promise<Output | null> {
    const { queries } = this;
    const hash = queries.fingerprintHash(fingerprint);
    const { rows } = await this.execute(queries.newestOutput({ fingerprint, hash }), o);
    const output = rows[0]?.[0];
    return typeof output === "string" ? (JSON.parse(output) as Output) : null;
  }

  protected override async _abort(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    const number = jobNumber(id);
    if (number === undefined) return false;
    return (await this.execute(this.statements.abort({ id: number }), o)).changes > 0;
  }

  protected override async _delete(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    const number = jobNumber(id);
    if (number === undefined) return false;
    return (await this.execute(this.statements.delete({ id: number }), o)).changes > 0;
  }

  /** In batches, so that a running drain is not held up. */
  protected override async _deleteFinished(
    status: FinalJobStatus,
    olderThanMs: number,
    o: CallOptions | undefined,
  ): Promise<void> {
    const { rows } = await this.execute(this.queries.timeAgo({ ms: olderThanMs }), o);
    const before = rows[0]?.[0] ?? null;
    // So long ago that the database has no date for it.
    if (before === null) return;
    for (;;) {
      const { changes } = await this.execute(this.statements.deleteFinished({ status, before }), o);
      if (changes < DELETE_BATCH) return;
    }
  }

  protected override _deleteAll(o: CallOptions | undefined): Promise<void> {
    this.batches.seal();
    return this.executor.atomic(() => deleteAllProgram(this.statements), o);
  }

  protected override _renew(
    terms: Pick<ClaimTerms, "instance" | "leaseMs">,
    known: (token: string) => boolean,
    o: CallOptions | undefined,
  ): Promise<readonly { readonly id: unknown; readonly token: string }[]> {
    this.batches.seal();
    return this.executor.atomic(() => renewProgram(this.statements, terms, known), o);
  }

  protected override async _dropLease(instance: string): Promise<void> {
    await this.execute(this.statements.dropLease({ instance }), undefined);
  }

  protected override _subscribe(
    filter: readonly Prefix[],
    callback: (change: QueueChange<Input, Output>) => void | Promise<void>,
    options: { readonly pollingIntervalMs?: number },
  ): Unsubscribe {
    const { codec, table } = this.statements;
    const decode = (row: SqlRow): StoredJob<Input, Output> => codec.decode(row);
    return this.changeFeed.subscribe<SqlRow>(
      {
        table: table.name,
        columns: codec.columns,
        keyColumns: ["id"],
        where: [
          { column: "queue", value: this.queueName },
          ...filter.map(({ name, value }) => ({ column: name, value })),
        ],
        decode: (values) => values,
      },
      (change) => {
        // What only changed beside the job, as when it came due, is no change of it.
        if (change.type === "UPDATE" && isSame(change.old, change.new)) return;
        return callback({
          type: change.type,
          ...(change.old !== undefined && { old: decode(change.old) }),
          ...(change.new !== undefined && { new: decode(change.new) }),
        });
      },
      options,
    );
  }

  // ——— helpers

  private execute(statement: SqlStatement, o: CallOptions | undefined) {
    this.batches.seal();
    return this.executor.execute(statement, o);
  }

  /** A call with options of its own travels alone. */
  private together<Request, Result>(
    program: BatchProgram<Request, Result>,
    request: Request,
    o: CallOptions | undefined,
  ): Awaitable<Result> {
    if (o === undefined) return this.batches.join(this.executor, program, request);
    this.batches.seal();
    const alone = this.executor.atomic(() => program([request]), o);
    return alone.then(([result]) => result as Result);
  }

  private decoded(rows: readonly SqlRow[]): StoredJob<Input, Output>[] {
    return rows.map((row) => this.statements.codec.decode(row));
  }
}

function isSame(a: SqlRow | undefined, b: SqlRow | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((value, at) => value === b[at]);
}
