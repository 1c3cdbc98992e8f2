import type { SqlProgram } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import type { JobEnding } from "../jobEnding.ts";
import type { FencedOutcome } from "../queueDriver.ts";
import {
  type ClaimedRows,
  claimListedProgram,
  claimProgram,
  type ListedShares,
  type TermedClaim,
} from "./claimPrograms.ts";
import { endingParts, endListedProgram, endProgram } from "./endPrograms.ts";
import type { ListedClaim, ListedClaims } from "./ListedClaims.ts";
import type { QueueStatements } from "./QueueStatements.ts";

/** What one call ended and claimed. */
export interface EndAndClaim {
  readonly outcomes: readonly FencedOutcome[];
  readonly claimed: ClaimedRows | undefined;
}

export function* endAndClaimProgram(
  statements: QueueStatements,
  endings: readonly JobEnding[],
  request: TermedClaim,
): SqlProgram<EndAndClaim> {
  const outcomes = yield* endProgram(statements, endings);
  if (outcomes.includes("stale")) return { outcomes, claimed: undefined };
  const [claimed] = yield* claimProgram(statements, [request]);
  return { outcomes, claimed };
}

/** One call's part of {@link endAndClaimListedProgram}. */
export interface EndAndClaimCall {
  readonly endings: readonly JobEnding[];
  readonly request: TermedClaim;
}

/** What {@link endAndClaimListedProgram} gives: outcomes and a share for each call. */
interface ListedEndAndClaim extends Omit<ListedShares, "ended"> {
  readonly outcomes: readonly (readonly FencedOutcome[])[];
}

/**
 * {@link endAndClaimProgram} for several calls, in their order, as one statement where no ending can
 * bear on what is claimed. It claims also where an attempt was not held.
 */
export function* endAndClaimListedProgram(
  statements: QueueStatements,
  claims: ListedClaims,
  calls: readonly EndAndClaimCall[],
  how: Pick<ListedClaim, "inTransaction">,
): SqlProgram<ListedEndAndClaim> {
  const endings = calls.flatMap((call) => call.endings);
  const requests = calls.map(({ request }) => request);
  const parts = endingParts(statements, endings);
  const [part] = parts;
  const together = part !== undefined && parts.length === 1 && endings.every(isFenced);
  let outcomes: readonly FencedOutcome[] = together
    ? []
    : yield* endListedProgram(statements, endings, parts);
  const { shares, ended, dueElsewhere } = yield* claimListedProgram(claims, requests, {
    lazily: false,
    ...how,
    ...(together && { ending: (builder) => part.together(builder) }),
  });
  if (together) {
    const each = part.endings.map(({ id }) => ended.get(id));
    outcomes = yield* endListedProgram(statements, endings, [{ ...part, each: () => told(each) }]);
  }
  let from = 0;
  const each = calls.map((call) => {
    const own = outcomes.slice(from, from + call.endings.length);
    from += own.length;
    return own;
  });
  return { outcomes: each, shares, dueElsewhere };
}

// biome-ignore lint/correctness/useYield: there is nothing left to ask
function* told<T>(value: T): SqlProgram<T> {
  return value;
}

/** Neither a retry, which may be the next to be claimed, nor of a job that may be claimed now. */
const isFenced = ({ status, token }: JobEnding): boolean =>
  status !== JobStatus.PENDING && token !== undefined;
