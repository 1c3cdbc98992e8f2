/** What an operation measured by a clock of its own, such as the waits between other things. */
export interface Timed {
  readonly count: number;
  readonly ms: number;
}

/**
 * What is timed; `prepare` runs before it and `finish` after it, off the clock. Gives how many
 * operations it did.
 */
export interface Operation {
  readonly prepare?: () => Promise<unknown>;
  readonly run: () => Promise<number | Timed>;
  readonly finish?: () => Promise<unknown>;
}

/** One library (or hand-written code) in a comparison. */
export interface Contender {
  readonly name: string;
  /** What runs one round of each operation. */
  readonly operations: Readonly<Record<string, Operation>>;
  close(): Promise<void> | void;
}

/** A promise about a ratio: ours to a peer's operations a second. */
export interface Goal {
  /** The peer's operation, and ours unless `ourOperation` is given. */
  readonly operation: string;
  readonly peer: string;
  /** Not given: the two are shown side by side, and nothing is promised. */
  readonly atLeast?: number;
  readonly ourOperation?: string;
}

export interface Group {
  readonly name: string;
  readonly goals: readonly Goal[];
  /** The contender that all others are compared with; otherwise the first is, with all others. */
  readonly baseline?: string;
  /** Ours comes first, and every other is a peer. None where this machine cannot run the group. */
  open(): Promise<readonly Contender[]>;
  /** What they run on, for the reader; known once they are open. */
  about?(): string;
  /** After the contenders are closed, or have failed to open. */
  close?(): Promise<void>;
}

export interface Line {
  readonly group: string;
  readonly operation: string;
  readonly peer: string;
  /** Median over the rounds of ours divided by the peer's, each round on its own. */
  readonly ratio: number;
  readonly ours: number;
  readonly theirs: number;
  readonly goal: number | undefined;
}

export interface RoundsOptions {
  readonly rounds: number;
  readonly onStep: (text: string) => void;
  /** Called before each measurement, off the clock. */
  readonly collectGarbage?: (() => void) | undefined;
}

/** What a group's run gives. */
export interface Measured {
  readonly lines: readonly Line[];
  /** What it ran on, for the reader. */
  readonly about: string;
}

/** Runs a group, wherever that is. */
export type Measure = (options: Pick<RoundsOptions, "rounds" | "onStep">) => Promise<Measured>;

const WARM_UP_ROUNDS = 1;

/** Opens a group, measures it and closes it. */
export async function runGroup(
  group: Group,
  { onStep, ...options }: RoundsOptions,
): Promise<Measured> {
  let contenders: readonly Contender[] = [];
  try {
    contenders = await group.open();
    const rates = await runRounds(contenders, {
      ...options,
      onStep: (step) => onStep(`${group.name}: ${step}`),
    });
    return { lines: compare(group, contenders, rates), about: group.about?.() ?? "" };
  } finally {
    for (const contender of contenders) await contender.close();
    await group.close?.();
  }
}

/**
 * Runs every operation of every contender in turn, in a fresh random order each round, so that the
 * machine's moods meet all of them alike.
 *
 * @returns operations a second, by contender and operation, one number a round
 */
async function runRounds(
  contenders: readonly Contender[],
  { rounds, onStep, collectGarbage }: RoundsOptions,
): Promise<Map<string, number[]>> {
  const rates = new Map<string, number[]>();
  for (const operation of namesOfOperations(contenders)) {
    const having = contenders.filter((contender) => operation in contender.operations);
    for (let round = 0; round < rounds + WARM_UP_ROUNDS; round++) {
      onStep(`${operation} ${round + 1}/${rounds + WARM_UP_ROUNDS}`);
      for (const contender of shuffled(having)) {
        const { prepare, run, finish } = contender.operations[operation] as Operation;
        await prepare?.();
        collectGarbage?.();
        const rate = await measuredRate(run);
        await finish?.();
        if (round >= WARM_UP_ROUNDS) push(rates, rateKey(contender.name, operation), rate);
      }
    }
  }
  return rates;
}

async function measuredRate(run: Operation["run"]): Promise<number> {
  const started = performance.now();
  const done = await run();
  const ms = performance.now() - started;
  return typeof done === "number" ? (done / ms) * 1000 : (done.count / done.ms) * 1000;
}

/** The lines of a group's table, from what {@link runRounds} measured. */
function compare(
  group: Group,
  contenders: readonly Contender[],
  rates: Map<string, number[]>,
): Line[] {
  const lines: Line[] = [];
  const add = (mine: Side, theirs: Side, goal: Goal | undefined): void => {
    const ours = rates.get(rateKey(mine.contender, mine.operation));
    const peers = rates.get(rateKey(theirs.contender, theirs.operation));
    if (ours === undefined || peers === undefined) return;
    lines.push({
      group: group.name,
      operation:
        group.baseline === undefined ? mine.operation : `${mine.operation}: ${mine.contender}`,
      peer: theirs.contender,
      ratio: median(ours.map((rate, round) => rate / (peers[round] as number))),
      ours: median(ours),
      theirs: median(peers),
      goal: goal?.atLeast,
    });
  };
  const compared = pairs(group, contenders);
  for (const operation of namesOfOperations(contenders)) {
    for (const [contender, peer] of compared) {
      const goal = group.goals.find(
        (g) => (g.ourOperation ?? g.operation) === operation && g.peer === peer.name,
      );
      const mine = { contender: contender.name, operation };
      add(mine, { contender: peer.name, operation: goal?.operation ?? operation }, goal);
    }
  }
  return lines;
}

const namesOfOperations = (contenders: readonly Contender[]): Set<string> =>
  new Set(contenders.flatMap(({ operations }) => Object.keys(operations)));

interface Side {
  readonly contender: string;
  readonly operation: string;
}

function pairs(group: Group, contenders: readonly Contender[]): [Contender, Contender][] {
  const [first, ...others] = contenders;
  if (first === undefined) return [];
  if (group.baseline === undefined) return others.map((peer) => [first, peer]);
  const baseline = contenders.find(({ name }) => name === group.baseline) as Contender;
  return contenders.filter((one) => one !== baseline).map((one) => [one, baseline]);
}

const rateKey = (contender: string, operation: string): string => `${contender}\0${operation}`;

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/** Runs `work` for each of `count` indexes, `width` of them at a time. */
export async function concurrently(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return count;
}
