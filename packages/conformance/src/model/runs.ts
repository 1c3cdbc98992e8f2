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

/** After so long no further run is begun; a counterexample that was found by then is reported. */
const TIME_LIMIT_MS = 20_000;

/** Runs a property; a failure's message holds the seed and the smallest counterexample found. */
export async function checkProperty<Value>(
  arbitrary: fc.Arbitrary<Value>,
  runs: number,
  { effort = 1, seed }: ModelOptions,
  property: (value: Value) => Promise<void>,
): Promise<void> {
  const inTime = untilLate(TIME_LIMIT_MS * Math.max(1, effort), property);
  await fc.assert(fc.asyncProperty(arbitrary, inTime), {
    numRuns: Math.max(1, Math.round(runs * effort)),
    ...(seed !== undefined && { seed }),
  });
}

/**
 * A property that holds for whatever comes after the time limit. A run is never left half-way, as it
 * would go on beside the next case, on the same database.
 */
export function untilLate<Value>(
  limitMs: number,
  property: (value: Value) => Promise<void>,
): (value: Value) => Promise<void> {
  const deadline = performance.now() + limitMs;
  return async (value) => {
    if (performance.now() < deadline) await property(value);
  };
}
