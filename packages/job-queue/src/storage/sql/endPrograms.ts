import type { SqlBuilder, SqlProgram } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import { lastError } from "../jobFate.ts";
import { jobNumber } from "../jobId.ts";
import type { FencedOutcome } from "../queueDriver.ts";
import type { ChangeValues, JobChange } from "./JobChange.ts";
import { jsonText } from "./jobRow.ts";
import type { EndValue, QueueStatements } from "./QueueStatements.ts";

/** Ends attempts for several calls, in their order. */
export function* endProgram(
  statements: QueueStatements,
  endings: readonly JobEnding[],
): SqlProgram<readonly FencedOutcome[]> {
  const { remove, succeed, end } = statements;
  const outcomes: FencedOutcome[] = [];
  for (const ending of endings) {
    const id = jobNumber(ending.id);
    if (id === undefined) {
      outcomes.push("missing");
      continue;
    }
    const one = { ending, id };
    const ended = isRemoved(statements, one)
      ? remove.outcomeOf(yield remove.statement(heldValues(one)))
      : isPlainSuccess(one)
        ? succeed.outcomeOf(yield succeed.statement(successValues(one)))
        : end.outcomeOf(yield end.statement(endValues(one)));
    outcomes.push(ended ?? (yield* whyNotEnded(statements, one)));
  }
  return outcomes;
}

/** {@link endProgram} by statements for many attempts each: `parts` are those of the endings. */
export function* endListedProgram(
  statements: QueueStatements,
  endings: readonly JobEnding[],
  parts: readonly EndingPart[],
): SqlProgram<readonly FencedOutcome[]> {
  const outcomes: FencedOutcome[] = [];
  for (const part of parts) {
    const ended = yield* part.each();
    for (let at = 0; at < part.endings.length; at++) {
      const one = part.endings[at] as PlacedEnding;
      outcomes[one.place] = ended[at] ?? (yield* whyNotEnded(statements, one));
    }
  }
  return Array.from(endings, (_, place) => outcomes[place] ?? "missing");
}

interface NumberedEnding {
  readonly ending: JobEnding;
  readonly id: number;
}

interface PlacedEnding extends NumberedEnding {
  /** In the list of all. */
  readonly place: number;
}

/** Endings that one statement makes. */
export interface EndingPart {
  readonly endings: readonly PlacedEnding[];
  each(): SqlProgram<readonly (JobStatus | undefined)[]>;
  together(builder: SqlBuilder): string;
}

/** The statements that make the endings: several only where they differ too much or meet in a job. */
export function endingParts(
  statements: QueueStatements,
  endings: readonly JobEnding[],
): readonly EndingPart[] {
  return roundsOf(endings).flatMap((round) => partsOf(statements, round));
}

/** Divides endings so that no part has two of one job; those of no job are left out. */
function roundsOf(endings: readonly JobEnding[]): readonly (readonly PlacedEnding[])[] {
  const rounds: PlacedEnding[][] = [];
  const seen = new Map<number, number>();
  endings.forEach((ending, place) => {
    const id = jobNumber(ending.id);
    if (id === undefined) return;
    const at = seen.get(id) ?? 0;
    seen.set(id, at + 1);
    const round = rounds[at];
    if (round === undefined) rounds.push([{ ending, id, place }]);
    else round.push({ ending, id, place });
  });
  return rounds;
}

function partsOf(statements: QueueStatements, round: readonly PlacedEnding[]): EndingPart[] {
  const { succeed, end, remove } = statements;
  const part = <Name extends string>(
    change: JobChange<Name>,
    endings: readonly PlacedEnding[],
    valuesOf: (one: PlacedEnding) => ChangeValues<Name>,
  ): EndingPart => ({
    endings,
    each: () => change.each(endings.map(valuesOf)),
    together: (builder) => change.together(endings.map(valuesOf), builder),
  });
  const parts: EndingPart[] = [];
  const removed = round.filter((one) => isRemoved(statements, one));
  if (removed.length > 0) parts.push(part(remove, removed, heldValues));
  const kept = removed.length === 0 ? round : round.filter((one) => !isRemoved(statements, one));
  if (kept.length === 0) return parts;
  const isPlain = kept.every(isPlainSuccess);
  return [...parts, isPlain ? part(succeed, kept, successValues) : part(end, kept, endValues)];
}

function isRemoved({ deletesCompleted }: QueueStatements, { ending }: NumberedEnding): boolean {
  return deletesCompleted && ending.status === JobStatus.COMPLETED;
}

function isPlainSuccess({ ending }: NumberedEnding): boolean {
  return (
    ending.token !== undefined &&
    ending.status === JobStatus.COMPLETED &&
    ending.error === null &&
    ending.error_code === null &&
    ending.error_details === null &&
    ending.progress_message === null &&
    ending.progress_details === null
  );
}

const heldValues = ({ id, ending }: NumberedEnding): ChangeValues<"token"> => ({
  id,
  token: ending.token ?? null,
});

const successValues = ({ id, ending }: NumberedEnding): ChangeValues<"token" | "output"> => ({
  id,
  token: ending.token ?? null,
  output: jsonText(ending.output),
});

const endValues = ({ id, ending }: NumberedEnding): ChangeValues<EndValue> => ({
  id,
  token: ending.token ?? null,
  status: ending.status,
  output: jsonText(ending.output),
  error: ending.error,
  error_code: ending.error_code,
  error_details: jsonText(ending.error_details),
  last_error: jsonText(lastError(ending)),
  run_after: ending.run_after,
  progress: ending.progress,
  progress_message: ending.progress_message,
  progress_details: jsonText(ending.progress_details),
});

export function* releaseProgram(
  statements: QueueStatements,
  claim: { readonly id: unknown; readonly token: string },
): SqlProgram<FencedOutcome> {
  const { token } = claim;
  const id = jobNumber(claim.id);
  if (id === undefined) return "missing";
  return (yield* statements.giveBack.one({ id, token })) ?? (yield* whyNot(statements, id, token));
}

export function* saveProgressProgram(
  statements: QueueStatements,
  saved: JobProgress,
): SqlProgram<FencedOutcome> {
  const id = jobNumber(saved.id);
  if (id === undefined) return "missing";
  const { token, progress, progress_message } = saved;
  const progress_details = jsonText(saved.progress_details);
  const values = { id, progress, progress_message, progress_details };
  const outcome =
    token === undefined ? undefined : yield* statements.saveProgress.one({ ...values, token });
  return outcome ?? (yield* whyNot(statements, id, token));
}

const whyNotEnded = (statements: QueueStatements, { ending, id }: NumberedEnding) =>
  whyNot(statements, id, ending.token, ending.status);

/** Tells a repeated ending from a stale one. A retry may have become a failure. */
function* whyNot(
  statements: QueueStatements,
  id: number,
  token: string | undefined,
  wanted?: JobStatus,
): SqlProgram<FencedOutcome> {
  const [row] = (yield statements.standing({ id })).rows;
  if (row === undefined) return "missing";
  const [status, lastToken] = row;
  if (token === undefined || wanted === undefined || lastToken !== token) return "stale";
  const retryFailed = wanted === JobStatus.PENDING && status === JobStatus.FAILED;
  return status === wanted || retryFailed ? "repeated" : "stale";
}
