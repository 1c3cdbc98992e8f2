import { TransactionScope } from "../transaction/Transaction.ts";
import type { WriteStep } from "./WriteUnit.ts";

/** A transaction (or, with a parent, a savepoint) of a `MemoryDatabase`: it knows the way back. */
export class MemoryTransaction extends TransactionScope {
  public override readonly parent: MemoryTransaction | undefined;
  /** Whether it was committed or rolled back; `open` is false earlier, while it is being ended. */
  public finished = false;
  private steps: WriteStep[] = [];

  public constructor(database: object, parent: MemoryTransaction | undefined) {
    super(database, parent);
    this.parent = parent;
  }

  /** Notes a change that has been made in here. */
  public add(step: WriteStep): void {
    this.steps.push(step);
  }

  public override committed(): void {
    this.finished = true;
    for (const step of this.steps) {
      // A savepoint's changes may still be taken back with those of the transaction around it.
      if (this.parent === undefined) step.committed();
      else this.parent.add(step);
    }
    this.steps = [];
    super.committed();
  }

  public override rolledBack(): void {
    this.finished = true;
    for (const step of this.steps.reverse()) step.undo();
    this.steps = [];
    super.rolledBack();
  }
}
