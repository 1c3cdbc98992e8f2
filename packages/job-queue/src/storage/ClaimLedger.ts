import type { Transaction } from "@workglow/storage";

interface Claim {
  readonly token: string;
  readonly since: number;
  /** The transaction in which the claim was made, until its commit. */
  scope: Transaction | undefined;
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
    const claim: Claim = { token, since: Date.now(), scope };
    const held = this.claims.get(String(id));
    if (held === undefined) this.claims.set(String(id), [claim]);
    else held.push(claim);
    this.begin(token);
    scope?.onCommit(() => {
      claim.scope = undefined;
    });
  }

  public remove(id: unknown, token: string): void {
    const key = String(id);
    const held = this.claims.get(key);
    const at = held?.findIndex((claim) => claim.token === token) ?? -1;
    if (held === undefined || at < 0) return;
    held.splice(at, 1);
    if (held.length === 0) this.claims.delete(key);
    this.end(token);
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

  /** Forgets the claims made before `before` whose jobs went elsewhere. */
  public forgetLost(isAlive: (id: string, token: string) => boolean, before: number): void {
    for (const [id, held] of [...this.claims]) {
      for (const { token, since } of [...held]) {
        if (since < before && !isAlive(id, token)) this.remove(id, token);
      }
    }
  }
}
