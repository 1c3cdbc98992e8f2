import type { Transaction } from "@workglow/storage";

interface Claim {
  readonly token: string;
  /** When it was made, or committed. */
  since: number;
  /** Whether it was made in a transaction of whose end nobody tells, and was not seen since. */
  unsure: boolean;
  /** The transaction in which the claim was made, until its commit. */
  scope: Transaction | undefined;
  /** `ended` once its transaction was seen to have ended, `forgotten` when taken for undone. */
  state: "held" | "ended" | "forgotten";
}

/**
 * The claims that a storage instance has made and that have not ended: which attempts of which job
 * it holds. Ids are compared as texts.
 */
export class ClaimLedger {
  private readonly claims = new Map<string, Claim[]>();
  /** How many claims, held or under way, have the token: one call may claim several jobs. */
  private readonly tokens = new Map<string, number>();

  public get isEmpty(): boolean {
    return this.claims.size === 0;
  }

  /** @param scope the transaction that the claim is part of: with it the claim may be undone */
  public add(id: unknown, token: string, scope: Transaction | undefined): void {
    const key = String(id);
    const unsure = scope?.joined === true;
    const owner = unsure ? undefined : scope;
    const claim: Claim = { token, since: Date.now(), unsure, scope: owner, state: "held" };
    // Whoever gets the job again shows that an earlier claim of it does not stand.
    for (const earlier of [...(this.claims.get(key) ?? [])]) {
      if (earlier.unsure || earlier.scope?.open === false) this.forget(key, earlier);
    }
    this.hold(key, claim);
    owner?.onCommit(() => {
      claim.scope = undefined;
      claim.since = Date.now();
      if (claim.state === "forgotten") this.hold(key, claim);
      claim.state = "held";
    });
  }

  public remove(id: unknown, token: string): void {
    const key = String(id);
    const claim = this.claims.get(key)?.find((one) => one.token === token);
    if (claim !== undefined) this.drop(key, claim);
  }

  /** The tokens of the job's claims: none, or more than one after the first was lost. */
  public of(id: unknown): readonly string[] {
    const held = this.claims.get(String(id));
    if (held === undefined) return [];
    // A claim whose transaction ended without a commit was undone, so that any other counts more.
    const standing = held.filter(({ scope }) => scope === undefined || scope.open);
    return (standing.length > 0 ? standing : held.slice(-1)).map(({ token }) => token);
  }

  /** A call that claims with this token is under way. */
  public begin(token: string): void {
    this.tokens.set(token, (this.tokens.get(token) ?? 0) + 1);
  }

  public end(token: string): void {
    const left = (this.tokens.get(token) ?? 0) - 1;
    if (left > 0) this.tokens.set(token, left);
    else this.tokens.delete(token);
  }

  /** Whether a claim with this token is held or under way. */
  public knows(token: string): boolean {
    return this.tokens.has(token);
  }

  /**
   * Forgets claims that were undone with their transaction, at the second look after its end: at the
   * first its commit may be on its way. One whose commit comes later still is known again then.
   */
  public forgetUndone(): void {
    for (const [key, held] of [...this.claims]) {
      for (const claim of [...held]) {
        if (claim.scope === undefined || outermost(claim.scope).open) continue;
        if (claim.state === "ended") this.forget(key, claim);
        else claim.state = "ended";
      }
    }
  }

  /**
   * Forgets the claims made before `before` whose jobs went elsewhere. Those of an open transaction
   * are seen by nobody yet.
   */
  public forgetLost(isAlive: (id: string, token: string) => boolean, before: number): void {
    for (const [id, held] of [...this.claims]) {
      for (const claim of [...held]) {
        if (claim.scope !== undefined) continue;
        if (isAlive(id, claim.token)) claim.unsure = false;
        else if (claim.since < before) this.drop(id, claim);
      }
    }
  }

  private hold(key: string, claim: Claim): void {
    const held = this.claims.get(key);
    if (held === undefined) this.claims.set(key, [claim]);
    else held.push(claim);
    this.begin(claim.token);
  }

  private forget(key: string, claim: Claim): void {
    claim.state = "forgotten";
    this.drop(key, claim);
  }

  private drop(key: string, claim: Claim): void {
    const held = this.claims.get(key);
    const at = held?.indexOf(claim) ?? -1;
    if (held === undefined || at < 0) return;
    held.splice(at, 1);
    if (held.length === 0) this.claims.delete(key);
    this.end(claim.token);
  }
}

/** Where a savepoint has ended, the claims made in it may still be undone with what is around it. */
function outermost(scope: Transaction): Transaction {
  return scope.parent === undefined ? scope : outermost(scope.parent);
}
