import { Eventual } from "@workglow/storage";
import { atEndOfTick, isTransient } from "@workglow/util";

/** Makes several calls at once; gives as many results, in their order. */
export type RunCalls<Request, Result> = (
  requests: readonly Request[],
) => Promise<readonly Result[]>;

/** How calls share a way to the database. */
export interface LaneRules<Request> {
  /** How much work a call is. */
  readonly weigh: (request: Request) => number;
  /** With so much work a batch is full. */
  readonly full: number;
  /** How many full batches are under way at most. */
  readonly mostFull: number;
}

/** Calls that travel together. */
export interface CallBatch<Result> {
  /** Resolves when all calls have an answer. */
  readonly done: Promise<void>;
  readonly result: Eventual<Result>;
}

/** What has to be over before a call may be made. */
export interface CallGate {
  readonly after: Promise<void> | undefined;
  /** Gates of one number are the same; calls behind another one travel apart. */
  readonly number: number;
}

class Batch<Request, Result> {
  public readonly requests: Request[] = [];
  public readonly results: Eventual<Result>[] = [];
  public readonly done: Promise<void>;
  public finish!: () => void;
  /** What its calls wait for. */
  public readonly gate: CallGate;
  public weight = 0;
  /** The tick in which its first call was made is over, and so is what it waits for. */
  public ripe = false;

  public constructor(gate: CallGate) {
    this.gate = gate;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
  }
}

/**
 * A way for calls of one kind, which go in batches: those of one tick, and all that are made while
 * another batch is under way, so that batches grow with the load. A full one gains no more by
 * waiting, and goes at once beside the others.
 */
export class CallLane<Request, Result> {
  private readonly run: RunCalls<Request, Result>;
  private readonly rules: LaneRules<Request>;
  private readonly waiting: Batch<Request, Result>[] = [];
  private running = 0;
  private runningFull = 0;

  public constructor(run: RunCalls<Request, Result>, rules: LaneRules<Request>) {
    this.run = run;
    this.rules = rules;
  }

  public join(request: Request, gate: CallGate): CallBatch<Result> {
    let batch = this.waiting.at(-1);
    if (batch?.gate.number !== gate.number || this.isFull(batch)) batch = this.open(gate);
    const result = new Eventual<Result>();
    batch.weight += this.rules.weigh(request);
    batch.requests.push(request);
    batch.results.push(result);
    return { done: batch.done, result };
  }

  private open(gate: CallGate): Batch<Request, Result> {
    const batch = new Batch<Request, Result>(gate);
    this.waiting.push(batch);
    const ripen = (): void => {
      batch.ripe = true;
      this.startNext();
    };
    if (gate.after === undefined) atEndOfTick(ripen);
    else void gate.after.then(() => atEndOfTick(ripen));
    return batch;
  }

  private isFull({ weight }: Batch<Request, Result>): boolean {
    return weight >= this.rules.full;
  }

  /** A batch that waits holds up none that may go: it may be waiting for that one. */
  private startNext(): void {
    for (let at = 0; at < this.waiting.length; at++) {
      const batch = this.waiting[at] as Batch<Request, Result>;
      const isFull = this.isFull(batch);
      const mayGo = isFull
        ? this.runningFull < this.rules.mostFull
        : this.running === this.runningFull;
      if (!batch.ripe || !mayGo) continue;
      this.waiting.splice(at--, 1);
      void this.start(batch, isFull);
    }
  }

  private async start(batch: Batch<Request, Result>, isFull: boolean): Promise<void> {
    this.running++;
    if (isFull) this.runningFull++;
    const settle = await this.answer(batch);
    this.running--;
    if (isFull) this.runningFull--;
    batch.finish();
    // The callers go on first: what they do next may join what starts now.
    settle();
    atEndOfTick(() => this.startNext());
  }

  /** Gives what tells the callers their results. */
  private async answer({ requests, results }: Batch<Request, Result>): Promise<() => void> {
    let values: readonly Result[];
    try {
      values = await this.run(requests);
    } catch (error) {
      if (requests.length > 1 && !isTransient(error)) return this.answerEach(requests, results);
      return () => {
        for (const result of results) result.reject(error);
      };
    }
    return () => {
      results.forEach((result, at) => {
        result.resolve(values[at] as Result);
      });
    };
  }

  /** One call's failure is not the others': each is made by itself. */
  private async answerEach(
    requests: readonly Request[],
    results: readonly Eventual<Result>[],
  ): Promise<() => void> {
    const answers: (() => void)[] = [];
    for (let at = 0; at < requests.length; at++) {
      const result = results[at] as Eventual<Result>;
      try {
        const [value] = await this.run([requests[at] as Request]);
        answers.push(() => result.resolve(value as Result));
      } catch (error) {
        answers.push(() => result.reject(error));
      }
    }
    return () => {
      for (const answer of answers) answer();
    };
  }
}
