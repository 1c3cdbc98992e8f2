import type { MemoryTransaction } from "./MemoryTransaction.ts";

/** One change that was made in memory. */
export interface WriteStep {
  /** Takes the change back. All later changes have been taken back before. */
  undo(): void;
  /** Called once the change is certain: after the outermost commit. */
  committed(): void;
}

/** One all-or-nothing write: the changes that it has made, in their order. */
export class WriteUnit {
  private readonly steps: WriteStep[] = [];

  /** Notes a change that has been made. */
  public add(step: WriteStep): void {
    this.steps.push(step);
  }

  /** Takes everything back. */
  public undo(): void {
    for (const step of this.steps.reverse()) step.undo();
  }

  /** Ends a write that succeeded; inside a transaction its changes are certain with that only. */
  public complete(transaction: MemoryTransaction | undefined): void {
    for (const step of this.steps) {
      if (transaction === undefined) step.committed();
      else transaction.add(step);
    }
  }
}
