export interface Execution {
  readonly ms: number;
  /** What the execution can be taken back by. */
  readonly token: string;
}

/** When executions happened, oldest first. They come in order, or nearly. */
export class ExecutionTimes {
  private executions: Execution[] = [];
  /** Those before it are forgotten; they are cut off now and then. */
  private start = 0;

  /** The time of the execution at `offset` from the oldest, in ms. */
  public at(offset: number): number | undefined {
    return this.executions[this.start + offset]?.ms;
  }

  public countAfter(ms: number): number {
    return this.executions.length - this.firstAfter(ms);
  }

  public add(execution: Execution): void {
    this.executions.splice(this.firstAfter(execution.ms), 0, execution);
  }

  /** Removes the latest execution that `matches`, and gives it. */
  public remove(matches: (execution: Execution) => boolean): Execution | undefined {
    const at = this.executions.findLastIndex(matches);
    return at < this.start ? undefined : this.executions.splice(at, 1)[0];
  }

  public forgetUpTo(ms: number): void {
    this.start = this.firstAfter(ms);
    if (this.start * 2 < this.executions.length) return;
    this.executions = this.executions.slice(this.start);
    this.start = 0;
  }

  private firstAfter(ms: number): number {
    let [low, high] = [this.start, this.executions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.executions[middle] as Execution).ms <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
