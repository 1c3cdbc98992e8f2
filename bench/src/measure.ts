/** What is timed; `prepare` runs before it, off the clock. Gives how many operations it did. */
export interface Operation {
  readonly prepare?: () => Promise<unknown>;
  readonly run: () => Promise<number>;
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
  readonly operation: string;
  readonly peer: string;
  readonly atLeast: number;
  /** The peer's operation to compare with, when it has another name. */
  readonly peerOperation?: string;
  /** Our operation to compare, when it has another name. */
  readonly ourOperation?: string;
}

export interface Group {
  readonly name: string;
  readonly goals: readonly Goal[];
  /** Ours comes first. */
  open(): Promise<readonly Contender[]>;
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

const WARM_UP_ROUNDS = 1;

/**
 * Runs every operation of every contender in turn, in a fresh random order each round, so that the
 * machine's moods meet all of them alike.
 *
 * @returns operations a second, by contender and operation, one number a round
 */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  onStep: (text: string) => void,
): Promise<Map<string, number[]>> {
  const rates = new Map<string, number[]>();
  const operations = [...new Set(contenders.flatMap(({ operations }) => Object.keys(operations)))];
  for (const operation of operations) {
    const having = contenders.filter((contender) => operation in contender.operations);
    for (let round = 0; round < rounds + WARM_UP_ROUNDS; round++) {
      onStep(`${operation} ${round + 1}/${rounds + WARM_UP_ROUNDS}`);
      for (const contender of shuffled(having)) {
        const { prepare, run } = contender.operations[operation] as Operation;
        await prepare?.();
        globalThis.gc?.();
        const started = performance.now();
        const count = await run();
        const rate = (count / (performance.now() - started)) * 1000;
        if (round >= WARM_UP_ROUNDS) push(rates, rateKey(contender.name, operation), rate);
      }
    }
  }
  return rates;
}

/** The lines of a group's table, from what {@link runRounds} measured. */
export function compare(
  group: Group,
  contenders: readonly Contender[],
  rates: Map<string, number[]>,
): Line[] {
  const ours = contenders[0] as Contender;
  const lines: Line[] = [];
  for (const operation of Object.keys(ours.operations)) {
    for (const peer of contenders.slice(1)) {
      const goal = group.goals.find(
        (g) => (g.ourOperation ?? g.operation) === operation && g.peer === peer.name,
      );
      const theirOperation = goal?.peerOperation ?? operation;
      const mine = rates.get(rateKey(ours.name, operation));
      const theirs = rates.get(rateKey(peer.name, theirOperation));
      if (mine === undefined || theirs === undefined) continue;
      lines.push({
        group: group.name,
        operation,
        peer: peer.name,
        ratio: median(mine.map((rate, round) => rate / (theirs[round] as number))),
        ours: median(mine),
        theirs: median(theirs),
        goal: goal?.atLeast,
      });
    }
  }
  return lines;
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
