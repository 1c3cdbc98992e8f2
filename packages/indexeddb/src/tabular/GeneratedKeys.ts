import { StorageFullError } from "@workglow/util";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { SIDE, sideStore } from "./sideStore.ts";

/**
 * The counter of a table's generated keys, shared by its tenants and kept beside its rows. Within a
 * transaction it is read once and written once.
 */
export class GeneratedKeys {
  private readonly side: string;
  private readonly note: string;

  public constructor(table: string) {
    this.side = sideStore(table);
    this.note = `counter of ${table}`;
  }

  /** Whether the transaction knows the counter. */
  public isLoaded(tx: StoreTransaction): boolean {
    return tx.notes.has(this.note);
  }

  public async load(tx: StoreTransaction): Promise<void> {
    if (this.isLoaded(tx)) return;
    const last = await tx.get<number>(this.side, SIDE.counter);
    if (!this.isLoaded(tx)) tx.notes.set(this.note, last ?? 0);
  }

  /**
   * The next number: above all that were generated, and that callers brought along.
   *
   * @throws StorageFullError when there is no safe integer left
   */
  public next(tx: StoreTransaction): number {
    const last = this.last(tx);
    if (last >= Number.MAX_SAFE_INTEGER) {
      throw new StorageFullError("the counter of generated keys has reached its end");
    }
    this.set(tx, last + 1);
    return last + 1;
  }

  /** Takes notice of a key that a caller gave where one could have been generated. */
  public observe(tx: StoreTransaction, key: number): void {
    if (key > this.last(tx)) this.set(tx, key);
  }

  private last(tx: StoreTransaction): number {
    return tx.notes.get(this.note) as number;
  }

  private set(tx: StoreTransaction, last: number): void {
    tx.notes.set(this.note, last);
    tx.atEnd(this.note, () => {
      void tx.put(this.side, this.last(tx), SIDE.counter).catch(() => undefined);
    });
  }
}
