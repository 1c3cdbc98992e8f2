export interface Watched<T> {
  readonly result: T;
  /** How many transactions were begun. */
  readonly begun: number;
  /** How many of those that write were under way when the work said that it was done. */
  readonly unfinishedWrites: number;
  readonly durabilities: ReadonlySet<string>;
}

/** Told of the transactions that are begun, while somebody watches. */
let onBegin: ((transaction: IDBTransaction) => void) | undefined;

// For good, and before a database is opened: Dexie keeps the method that it finds when it opens one.
const { transaction: begin } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (...args) {
  const transaction = begin.apply(this, args);
  onBegin?.(transaction);
  return transaction;
};

/** Does some work and watches the transactions that are begun meanwhile. */
export async function watchTransactions<T>(work: () => Promise<T>): Promise<Watched<T>> {
  const unfinished = new Set<IDBTransaction>();
  const durabilities = new Set<string>();
  let begun = 0;
  onBegin = (transaction) => {
    begun++;
    if (transaction.mode === "readonly") return;
    durabilities.add(transaction.durability);
    unfinished.add(transaction);
    const ended = () => unfinished.delete(transaction);
    transaction.addEventListener("complete", ended);
    transaction.addEventListener("abort", ended);
  };
  try {
    const result = await work();
    return { result, begun, unfinishedWrites: unfinished.size, durabilities };
  } finally {
    onBegin = undefined;
  }
}
