/** What has become of one of the calls, by its place among them. */
export type Settle<Result> = (at: number, result: PromiseSettledResult<Result>) => void;

/** Makes calls together. Where it fails, so do those that have not been settled. */
type Run<Call, Result> = (
  calls: readonly Call[],
  settle: Settle<Result>,
  /** To be called when they are sent: nobody can join them any more. */
  sent: () => void,
) => Promise<void>;

interface Batch<Call, Result> {
  readonly calls: Call[];
  readonly answers: ((result: PromiseSettledResult<Result>) => void)[];
}

/** Calls that are made as one: whoever comes before they are sent joins them. */
export class CallBatches<Call, Result> {
  private readonly run: Run<Call, Result>;
  private open: Batch<Call, Result> | undefined;

  public constructor(run: Run<Call, Result>) {
    this.run = run;
  }

  /** Something else is called: what comes after it must not join what came before. */
  public seal(): void {
    this.open = undefined;
  }

  public join(call: Call): Promise<Result> {
    this.open ??= this.begin();
    const { calls, answers } = this.open;
    calls.push(call);
    return new Promise((resolve, reject) => {
      answers.push((result) => {
        if (result.status === "fulfilled") resolve(result.value);
        else reject(result.reason);
      });
    });
  }

  private begin(): Batch<Call, Result> {
    const batch: Batch<Call, Result> = { calls: [], answers: [] };
    const close = (): void => {
      if (this.open === batch) this.open = undefined;
    };
    this.run(batch.calls, (at, result) => batch.answers[at]?.(result), close).catch(
      (reason: unknown) => {
        // It may fail before it begins, as where nothing has been set up.
        close();
        for (const answer of batch.answers) answer({ status: "rejected", reason });
      },
    );
    return batch;
  }
}

export function fulfilled<T>(value: T): PromiseSettledResult<T> {
  return { status: "fulfilled", value };
}
