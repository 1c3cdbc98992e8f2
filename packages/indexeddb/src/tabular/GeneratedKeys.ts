import { StorageFullError } from "@workglow/util";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { SIDE, sideStore } from "./sideStore.ts";

/** What a transaction knows of a counter. */
interface Counter {
  /** The largest number that was generated or brought along. */
  last: number;
  /** What the side store has. */
  stored: number;
  /** Whether the transaction's other calls have made their requests. */
  ended: boolean;
}

/**
 * The counter of a table's generated keys, shared by its tenants and kept beside its rows. It is
 * read once and written once for all calls of a tick. In a user's transaction each call reads it
 * anew, as what an earlier one has written may have been taken back.
 */
export class GeneratedKeys {
  private readonly side: string;
  private readonly ending: string;
  private readonly counters = new WeakMap<StoreTransaction, Counter>();

  public constructor(table: string) {
    this.side = sideStore(table);
    this.ending = `counter of ${table}`;
  }

  /** Whether the counter was read for the transaction's calls. */
  public isLoaded(tx: StoreTransaction): boolean {
    return this.counters.has(tx);
  }

  public async load(tx: StoreTransaction): Promise<void> {
    if (this.isLoaded(tx)) return;
    const stored = (await tx.get<number>(this.side, SIDE.counter)) ?? 0;
    if (this.isLoaded(tx)) return;
    const counter: Counter = { last: stored, stored, ended: false };
    this.counters.set(tx, counter);
    tx.atEnd(this.ending, () => {
      counter.ended = true;
      this.store(tx, counter);
    });
  }

  /**
   * The next number: above all that were generated, and that callers brought along.
   *
   * @throws StorageFullError when there is no safe integer left
   */
  public next(tx: StoreTransaction): number {
    const { last } = this.of(tx);
    if (last >= Number.MAX_SAFE_INTEGER) {
      throw new StorageFullError("the counter of generated keys has reached its end");
    }
    this.observe(tx, last + 1);
    return last + 1;
  }

  /** Takes notice of a key that is there, or that a caller gave where one could have been generated. */
  public observe(tx: StoreTransaction, key: number): void {
    const counter = this.of(tx);
    counter.last = Math.max(counter.last, key);
    if (counter.ended) this.store(tx, counter);
  }

  private store(tx: StoreTransaction, counter: Counter): void {
    const { last } = counter;
    if (last === counter.stored) return;
    counter.stored = last;
    tx.send(this.side, last, SIDE.counter);
  }

  private of(tx: StoreTransaction): Counter {
    return this.counters.get(tx) as Counter;
  }
}
