import { abortCause, abortQuietly, commitQuietly } from "./abort.ts";
import { StoreTransaction } from "./StoreTransaction.ts";

/** Runs `work` in a transaction that is its own. */
export function runToEnd<T>(
  raw: IDBTransaction,
  work: (tx: StoreTransaction) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const committed: (() => void)[] = [];
  const tx = new StoreTransaction(raw, {
    onCommit: (fn) => committed.push(fn),
    onFinished: () => commitQuietly(raw),
  });
  return new Promise<T>((resolve, reject) => {
    let result: T;
    let failure: { readonly error: unknown } | undefined;
    const onAbort = (): void => {
      failure ??= { error: signal?.reason };
      abortQuietly(raw);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const ended = (): void => signal?.removeEventListener("abort", onAbort);
    raw.addEventListener("complete", () => {
      ended();
      for (const fn of committed) fn();
      resolve(result);
    });
    raw.addEventListener("abort", () => {
      ended();
      reject(abortCause(raw, failure));
    });
    work(tx).then(
      (value) => {
        result = value;
        tx.runEndings();
      },
      (error: unknown) => {
        failure ??= { error };
        abortQuietly(raw);
      },
    );
  });
}
