import fc from "fast-check";

/** How long and from where random tests search. */
export interface ModelOptions {
  /** Multiplies the number of random runs; 1 unless given. */
  readonly effort?: number;
  /** Repeats the runs of a failure that named this seed. */
  readonly seed?: number;
}

interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
}

function numberFromEnvironment(name: string): number | undefined {
  const text = (globalThis as { process?: Process }).process?.env[name];
  return text === undefined || text === "" ? undefined : Number(text);
}

/** Options from `WORKGLOW_MODEL_EFFORT` and `WORKGLOW_MODEL_SEED`, where there is an environment. */
export function modelOptionsFromEnvironment(): ModelOptions {
  const effort = numberFromEnvironment("WORKGLOW_MODEL_EFFORT");
  const seed = numberFromEnvironment("WORKGLOW_MODEL_SEED");
  return { ...(effort !== undefined && { effort }), ...(seed !== undefined && { seed }) };
}

/** How long shrinking a failure may take; the counterexample found by then is reported. */
const SHRINK_LIMIT_MS = 20_000;

/** Runs a property; a failure's message holds the seed and the smallest counterexample found. */
export async function checkProperty<Value>(
  arbitrary: fc.Arbitrary<Value>,
  runs: number,
  { effort = 1, seed }: ModelOptions,
  property: (value: Value) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, property), {
    numRuns: Math.max(1, Math.round(runs * effort)),
    ...(seed !== undefined && { seed }),
    interruptAfterTimeLimit: SHRINK_LIMIT_MS * Math.max(1, effort),
    markInterruptAsFailure: false,
  });
}
