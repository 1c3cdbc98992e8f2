import {
  type Awaitable,
  andThen,
  type Prefix,
  type Transaction,
  type Unsubscribe,
} from "@workglow/storage";
import type { SqlChangeFeed, SqlExecutor, SqlRow } from "@workglow/storage/sql";
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
  EndAndClaimResult,
  FencedOutcome,
  QueueChange,
} from "../queueDriver.ts";
import { ConcurrentCalls } from "./ConcurrentCalls.ts";
import type { ClaimedRows } from "./claimPrograms.ts";
import { releaseProgram, saveProgressProgram } from "./endPrograms.ts";
import { JobInserts } from "./insertJobs.ts";
import { type LoggedTable, libraryTablesSql, setUpLibraryTables } from "./LibraryTable.ts";
import { ListedCalls } from "./ListedCalls.ts";
import { ListedClaims } from "./ListedClaims.ts";
import type { CallScope, QueueCalls } from "./QueueCalls.ts";
import { QueueQueries } from "./QueueQueries.ts";
import { DELETE_BATCH, QueueStatements } from "./QueueStatements.ts";
import { deleteAllProgram, peekPendingProgram, renewProgram } from "./queuePrograms.ts";
import { LEASES_TABLE } from "./queueTables.ts";
import { SerialCalls } from "./SerialCalls.ts";

/** What calls are about that look at many jobs, or change them. */
const MANY: CallScope = { anyJob: true };
const WHOLE: CallScope = { anyJob: true, writes: true, feeds: true, alone: true };
const CLEANING: CallScope = { anyJob: true, writes: true };
const changeOf = (id: unknown): CallScope => ({ ids: [id], writes: true, feeds: true });

/** A job queue on any SQL database: its driver methods are statements for an executor. */
export abstract class SqlQueueStorage<Input, Output> extends BaseQueueStorage<Input, Output> {
  protected readonly executor: SqlExecutor;
  private readonly statements: QueueStatements;
  private readonly queries: QueueQueries;
  private readonly inserts: JobInserts;
  private readonly calls: QueueCalls;

  protected constructor(
    executor: SqlExecutor,
    queueName: string,
    options: QueueStorageOptions | undefined,
  ) {
    super(queueName, options);
    this.executor = executor;
    const { dialect, concurrent: lists = false } = executor;
    this.statements = new QueueStatements(dialect, queueName, this.prefixes, {
      lists,
      deletesCompleted: this.deletesCompleted,
    });
    this.queries = new QueueQueries(dialect, queueName, this.prefixes, lists);
    this.inserts = new JobInserts(this.statements);
    this.calls = lists
      ? new ConcurrentCalls(
          new ListedCalls(
            executor,
            this.statements,
            new ListedClaims(dialect, queueName, this.prefixes, lists),
            this.inserts,
          ),
        )
      : new SerialCalls(executor, this.statements, this.inserts);
  }

  /** The statements that set the storage up, for teams that run DDL themselves. */
  public schemaSql(): string {
    return libraryTablesSql(
      this.executor.dialect,
      [this.statements.table, LEASES_TABLE],
      this.logged,
    );
  }

  /** The feed that brings this database's changes. */
  protected abstract get changeFeed(): SqlChangeFeed;

  protected override databaseIdentity(): object {
    return this.executor.database;
  }

  protected override scoped(tx: Transaction): this {
    const executor = this.executor.within(tx);
    const { calls } = this;
    return Object.create(this, {
      scope: { value: tx },
      executor: { value: executor },
      calls: { value: calls.within(executor) },
    }) as this;
  }

  protected override classifyError(error: unknown, operation: string): unknown {
    return this.executor.classify(error, operation);
  }

  // ——— driver methods

  protected override _setup(o: CallOptions | undefined): Promise<void> {
    const tables = [this.statements.table, LEASES_TABLE];
    return this.calls.beside(WHOLE, () =>
      setUpLibraryTables(this.executor, tables, this.logged, o),
    );
  }

  protected override _add(
    jobs: readonly NewJob[],
    o: CallOptions | undefined,
  ): Awaitable<readonly unknown[]> {
    return this.calls.add(jobs, o);
  }

  protected override _claim(
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<ClaimResult<Input, Output>> {
    return andThen(this.calls.claim({ ...request, terms }, o), (claimed) =>
      this.claimResult(claimed, request, terms),
    );
  }

  protected override _end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]> {
    return this.calls.end(endings, o);
  }

  protected override _endAndClaim(
    endings: readonly JobEnding[],
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<EndAndClaimResult<Input, Output>> {
    const done = this.calls.endAndClaim(endings, { ...request, terms }, o);
    return andThen(done, ({ outcomes, claimed }) => ({
      outcomes,
      claimed: claimed && this.claimResult(claimed, request, terms),
    }));
  }

  protected override _release(
    claim: { readonly id: unknown; readonly token: string },
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    return this.calls.run(changeOf(claim.id), () => releaseProgram(this.statements, claim), o);
  }

  protected override _saveProgress(
    progress: JobProgress,
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    const scope = { ids: [progress.id], writes: true };
    return this.calls.run(scope, () => saveProgressProgram(this.statements, progress), o);
  }

  protected override async _get(
    id: unknown,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output> | undefined> {
    const number = jobNumber(id);
    if (number === undefined) return undefined;
    const statement = this.queries.get({ id: number });
    const { rows } = await this.calls.execute({ ids: [number] }, statement, o);
    return this.decoded(rows)[0];
  }

  protected override async _peek(
    status: JobStatus,
    limit: number,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    const { queries } = this;
    if (status === JobStatus.PENDING) {
      const program = () => peekPendingProgram(queries, limit);
      return this.decoded(await this.calls.atomic(MANY, program, { ...o, mode: "read" }));
    }
    const peek = isFinalStatus(status) ? queries.peekFinal : queries.peekActive;
    return this.decoded((await this.calls.execute(MANY, peek({ status, limit }), o)).rows);
  }

  protected override async _size(status: JobStatus, o: CallOptions | undefined): Promise<number> {
    const { countPending, countFinal, countActive } = this.queries;
    const statement =
      status === JobStatus.PENDING
        ? countPending({})
        : (isFinalStatus(status) ? countFinal : countActive)({ status });
    return Number((await this.calls.execute(MANY, statement, o)).rows[0]?.[0]);
  }

  protected override async _getByRunId(
    runId: string,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    const { rows } = await this.calls.execute(MANY, this.queries.byRun({ runId }), o);
    return this.decoded(rows);
  }

  protected override async _outputFor(
    fingerprint: string,
    o: CallOptions | undefined,
  ): Promise<Output | null> {
    const { queries } = this;
    const hash = queries.fingerprintHash(fingerprint);
    const statement = queries.newestOutput({ fingerprint, hash });
    const output = (await this.calls.execute(MANY, statement, o)).rows[0]?.[0];
    return typeof output === "string" ? (JSON.parse(output) as Output) : null;
  }

  protected override async _abort(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    const number = jobNumber(id);
    if (number === undefined) return false;
    const statement = this.statements.abort({ id: number });
    return (await this.calls.execute(changeOf(number), statement, o)).changes > 0;
  }

  protected override async _delete(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    const number = jobNumber(id);
    if (number === undefined) return false;
    const statement = this.statements.delete({ id: number });
    return (await this.calls.execute(changeOf(number), statement, o)).changes > 0;
  }

  /** In batches, so that a running drain is not held up. */
  protected override _deleteFinished(
    status: FinalJobStatus,
    olderThanMs: number,
    o: CallOptions | undefined,
  ): Promise<void> {
    const { queries, statements, executor } = this;
    return this.calls.beside(CLEANING, async () => {
      const { rows } = await executor.execute(queries.timeAgo({ ms: olderThanMs }), o);
      const before = rows[0]?.[0] ?? null;
      // So long ago that the database has no date for it.
      if (before === null) return;
      for (;;) {
        const { changes } = await executor.execute(
          statements.deleteFinished({ status, before }),
          o,
        );
        if (changes < DELETE_BATCH) return;
      }
    });
  }

  protected override _deleteAll(o: CallOptions | undefined): Promise<void> {
    return this.calls.atomic(WHOLE, () => deleteAllProgram(this.statements), o);
  }

  protected override _renew(
    terms: Pick<ClaimTerms, "instance" | "leaseMs">,
    known: (token: string) => boolean,
    o: CallOptions | undefined,
  ): Promise<readonly { readonly id: unknown; readonly token: string }[]> {
    return this.calls.run({}, () => renewProgram(this.statements, terms, known), o);
  }

  protected override async _dropLease(instance: string): Promise<void> {
    await this.calls.execute({}, this.statements.dropLease({ instance }), undefined);
  }

  protected override _subscribe(
    filter: readonly Prefix[],
    callback: (change: QueueChange<Input, Output>) => void | Promise<void>,
    options: { readonly pollingIntervalMs?: number },
  ): Unsubscribe {
    const { codec } = this.statements;
    const decode = (row: SqlRow): StoredJob<Input, Output> => codec.decode(row);
    return this.changeFeed.subscribe<SqlRow>(
      {
        ...this.logged.table,
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

  private get logged(): LoggedTable {
    const { codec, table } = this.statements;
    return {
      feed: this.changeFeed,
      table: { table: table.name, columns: codec.columns, keyColumns: ["id"] },
    };
  }

  private claimResult(
    { rows, token, renewed, sweepAgain }: ClaimedRows,
    { workerId }: ClaimRequest,
    { instance }: ClaimTerms,
  ): ClaimResult<Input, Output> {
    const { codec } = this.statements;
    const mark = { worker_id: workerId, lease_token: token, lease_instance: instance };
    const jobs = rows.map((row) => codec.decodeClaimed<Input, Output>(row, mark));
    return { jobs, renewed, sweepAgain };
  }

  private decoded(rows: readonly SqlRow[]): StoredJob<Input, Output>[] {
    return rows.map((row) => this.statements.codec.decode(row));
  }
}

function isSame(a: SqlRow | undefined, b: SqlRow | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((value, at) => value === b[at]);
}
