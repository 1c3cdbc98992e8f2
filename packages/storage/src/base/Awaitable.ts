/**
 * A value at once where nothing has to be waited for, an {@link Eventual} where it comes within
 * this tick, or a promise of it. `await` takes all three.
 */
export type Awaitable<T> = T | Promise<T> | Eventual<T>;

/** Goes on with a result: at once if it is there, so that backends in memory pay for no promise. */
export function andThen<T, R>(result: Awaitable<T>, next: (value: T) => R): Awaitable<Awaited<R>> {
  if (result instanceof Promise) return result.then(next) as Promise<Awaited<R>>;
  if (result instanceof Eventual) return result.map(next) as Eventual<Awaited<R>>;
  return next(result) as Awaitable<Awaited<R>>;
}

// Methods, not properties, so that an eventual list is an eventual readonly list.
interface Listener<T> {
  onValue(value: T): void;
  onError(error: unknown): void;
}

/**
 * A result that is on its way, for one listener, who is called as soon as it is there. It does the
 * work of the promises between a call and its driver at a fraction of their cost; what users get
 * is a promise made of it.
 */
export class Eventual<T> implements PromiseLike<T> {
  private outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  private listener: Listener<T> | undefined;

  public resolve(value: T): void {
    if (this.listener === undefined) this.outcome = { value };
    else this.listener.onValue(value);
  }

  public reject(error: unknown): void {
    if (this.listener === undefined) this.outcome = { error };
    else this.listener.onError(error);
  }

  /** Sets the listener; it must not throw. */
  public listen(onValue: (value: T) => void, onError: (error: unknown) => void): void {
    const { outcome } = this;
    this.listener = { onValue, onError };
    if (outcome === undefined) return;
    if ("value" in outcome) onValue(outcome.value);
    else onError(outcome.error);
  }

  /** The result of `next`, which must give no promise, or the error that it throws. */
  public map<R>(next: (value: T) => R): Eventual<R> {
    const mapped = new Eventual<R>();
    this.listen(
      (value) => {
        let result: R;
        try {
          result = next(value);
        } catch (error) {
          mapped.reject(error);
          return;
        }
        mapped.resolve(result);
      },
      (error) => mapped.reject(error),
    );
    return mapped;
  }

  public toPromise(): Promise<T> {
    return new Promise((resolve, reject) => this.listen(resolve, reject));
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` takes what has it
  public then<R = T, E = never>(
    onValue?: ((value: T) => R | PromiseLike<R>) | null,
    onError?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    return this.toPromise().then(onValue, onError);
  }
}
