import { type Awaitable, describeType, type Transaction } from "@workglow/storage";
import {
  getLogger,
  isTransient,
  StorageClosedError,
  StorageError,
  StorageValidationError,
} from "@workglow/util";
import { settled } from "./awaitableCalls.ts";
import { ClaimLedger } from "./ClaimLedger.ts";
import { QueueLease } from "./QueueLease.ts";
import type { ClaimResult, ClaimTerms, FencedOutcome } from "./queueDriver.ts";
import { StaleLeaseError } from "./StaleLeaseError.ts";

/** An attempt, as the database knows it. */
export interface Attempt {
  readonly id: unknown;
  readonly token: string;
}

/** Longest wait for a renewal beside a transaction, which may hold all connections there are. */
const MOST_WAIT_MS = 1000;

/** Renews the lease in the database; gives what the instance holds there. */
type Renew = (lease: QueueLease, known: (token: string) => boolean) => Promise<readonly Attempt[]>;

/**
 * The attempts that a storage instance holds, and the lease that they hang on: from the claim,
 * through the renewals, to the end or the loss of each.
 */
export class HeldAttempts {
  private readonly queueName: string;
  private readonly lease: QueueLease;
  private readonly ledger = new ClaimLedger();
  private readonly renew: Renew;
  private renewal: Promise<void> | undefined;

  public constructor(queueName: string, leaseMs: number, renew: Renew) {
    this.queueName = queueName;
    this.renew = renew;
    this.lease = new QueueLease(leaseMs, () => this.onTick());
  }

  /** Starts the clock, with the first attempt to claim. */
  public start(): void {
    this.lease.start();
  }

  /**
   * Ends the renewals.
   *
   * @returns the instance whose lease may be dropped now. Jobs that are still held keep theirs
   *   until it runs out: their work may go on
   */
  public stop(): string | undefined {
    this.lease.stop();
    return this.lease.held && this.ledger.isEmpty ? this.lease.instance : undefined;
  }

  /**
   * Renews the lease beside a transaction that is about to claim, where that is due: what a
   * transaction writes is old when it commits, and holds up every other renewal until then. Where
   * the database does not answer beside it in time, the claim renews, as it does elsewhere.
   */
  public renewBeside(): Awaitable<void> {
    return this.lease.renewalDue() ? this.renewInTime() : undefined;
  }

  /**
   * Makes a claim and notes what it gives. Each try has a token of its own: what a lost answer
   * claimed is given back by the renewal.
   *
   * @param scope the transaction that the claim is part of
   */
  public claim<Result>(
    scope: Transaction | undefined,
    claim: (token: string, terms: ClaimTerms) => Awaitable<Result>,
    claimOf: (result: Result) => ClaimResult<unknown, unknown> | undefined,
  ): Awaitable<Result> {
    const { lease, ledger } = this;
    const token = lease.newToken();
    const startedAt = Date.now();
    const terms = {
      instance: lease.instance,
      leaseMs: lease.leaseMs,
      renew: lease.renewalDue(),
      sweep: scope === undefined && lease.takeSweep(),
    };
    ledger.begin(token);
    return settled(
      () => claim(token, terms),
      (result) => {
        const { jobs = [], renewed = false, sweepAgain = false } = claimOf(result) ?? {};
        for (const job of jobs) ledger.add(job.id, job.lease_token as string, scope);
        ledger.end(token);
        if (sweepAgain) lease.sweepAgain();
        lease.reached(startedAt);
        if (scope?.joined) lease.suspect();
        if (renewed) afterCommit(scope, () => lease.renewed(startedAt));
        return result;
      },
      (error) => {
        ledger.end(token);
        // The claim may have been made all the same: the renewals will find it.
        if (!(error instanceof StorageError) || isTransient(error)) lease.suspect();
        throw error;
      },
    );
  }

  /**
   * The token given, or that of this instance's one claim of the job; `undefined` where it has none.
   *
   * @throws StaleLeaseError where it has several
   */
  public readonly tokenFor = (id: unknown, given: unknown): string | undefined => {
    if (given !== undefined && given !== null) {
      if (typeof given === "string") return given;
      throw new StorageValidationError(`a lease token is a text, not ${describeType(given)}`);
    }
    const tokens = this.ledger.of(id);
    if (tokens.length > 1) throw new StaleLeaseError([id]);
    return tokens[0];
  };

  /** Forgets attempts that have ended, one way or another; gives the ids of those not held. */
  public settle(
    scope: Transaction | undefined,
    attempts: readonly { readonly id: unknown; readonly token: string | undefined }[],
    outcomes: readonly FencedOutcome[],
  ): readonly unknown[] {
    const stale: unknown[] = [];
    attempts.forEach(({ id, token }, at) => {
      if (token !== undefined) afterCommit(scope, () => this.ledger.remove(id, token));
      if (outcomes[at] === "stale") stale.push(id);
    });
    return stale;
  }

  /** An attempt that nobody works on: the next renewal gives it back, if nothing does before. */
  public forget({ id, token }: Attempt): void {
    this.ledger.remove(id, token);
  }

  private onTick(): void {
    this.ledger.forgetUndone();
    if (this.lease.wanted) void this.renewNow();
  }

  private async renewInTime(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(MOST_WAIT_MS, this.lease.leaseMs / 4));
    });
    await Promise.race([this.renewNow(), late]);
    clearTimeout(timer);
  }

  /** Renews the lease, once at a time. */
  private renewNow(): Promise<void> {
    this.renewal ??= this.renewLease().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async renewLease(): Promise<void> {
    const { lease, ledger } = this;
    const startedAt = Date.now();
    try {
      const living = await this.renew(lease, (token) => ledger.knows(token));
      lease.renewed(startedAt);
      const alive = new Set(living.map(({ id, token }) => `${String(id)} ${token}`));
      ledger.forgetLost((id, token) => alive.has(`${id} ${token}`), startedAt - lease.leaseMs);
    } catch (error) {
      if (error instanceof StorageClosedError) return;
      getLogger().warn(
        `Queue "${this.queueName}" could not renew its lease; it claims no job until it can`,
        error,
      );
    }
  }
}

function afterCommit(scope: Transaction | undefined, fn: () => void): void {
  if (scope === undefined) fn();
  else scope.onCommit(fn);
}
