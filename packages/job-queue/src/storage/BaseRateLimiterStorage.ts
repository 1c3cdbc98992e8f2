import {
  type Awaitable,
  BaseStorage,
  canonicalDateTime,
  checkedCount,
  compilePrefixes,
  MAX_INDEX_ENTRY_BYTES,
  type Prefix,
  type StorageEvents,
} from "@workglow/storage";
import {
  type CallOptions,
  checkText,
  StorageValidationError,
  utf8ByteLength,
} from "@workglow/util";
import type { IRateLimiterStorage } from "./IRateLimiterStorage.ts";
import type { RateLimiterStorageOptions } from "./QueueStorageOptions.ts";

const COLUMNS: ReadonlySet<string> = new Set([
  "id",
  "queue",
  "executed_at",
  "next_available_at",
  "window_ms",
]);

/** A hundred years: databases have dates that far back. */
const MAX_WINDOW_MS = 3_155_695_200_000;

/** Everything about rate limiter storage that holds on every backend. */
export abstract class BaseRateLimiterStorage
  extends BaseStorage<StorageEvents>
  implements IRateLimiterStorage
{
  protected readonly prefixes: readonly Prefix[];
  private readonly prefixBytes: number;

  protected constructor(options: RateLimiterStorageOptions = {}) {
    super("rate-limiter");
    this.prefixes = compilePrefixes(options, (name) => COLUMNS.has(name.toLowerCase()));
    this.prefixBytes = this.prefixes.reduce(
      (bytes, { value }) => bytes + utf8ByteLength(String(value)),
      0,
    );
  }

  public recordExecution(queue: string, options?: CallOptions): Promise<void> {
    return this.perform("recordExecution", options, (o) => this._record(this.checked(queue), o));
  }

  public getExecutionCount(
    queue: string,
    windowStartIso: string,
    options?: CallOptions,
  ): Promise<number> {
    return this.perform("getExecutionCount", options, (o) =>
      this._count(this.checked(queue), canonicalDateTime(windowStartIso, "windowStartIso"), o),
    );
  }

  public getOldestExecutionAtOffset(
    queue: string,
    offset: number,
    options?: CallOptions,
  ): Promise<string | undefined> {
    return this.perform("getOldestExecutionAtOffset", options, (o) =>
      this._oldestAt(this.checked(queue), checkedCount(offset ?? null, "offset", 0) as number, o),
    );
  }

  public getNextAvailableTime(queue: string, options?: CallOptions): Promise<string | undefined> {
    return this.perform("getNextAvailableTime", options, (o) =>
      this._nextAvailable(this.checked(queue), o),
    );
  }

  public setNextAvailableTime(queue: string, iso: string, options?: CallOptions): Promise<void> {
    return this.perform("setNextAvailableTime", options, (o) =>
      this._setNextAvailable(this.checked(queue), canonicalDateTime(iso, "iso"), o),
    );
  }

  public clear(queue: string, options?: CallOptions): Promise<void> {
    return this.perform("clear", options, (o) => this._clear(this.checked(queue), o));
  }

  public tryReserveExecution(
    queue: string,
    max: number,
    windowMs: number,
    options?: CallOptions,
  ): Promise<string | null> {
    return this.perform("tryReserveExecution", options, async (o) => {
      const name = this.checked(queue);
      const most = checkedCount(max ?? null, "max", 0) as number;
      const window = checkedCount(windowMs ?? null, "windowMs", 1) as number;
      if (window > MAX_WINDOW_MS) {
        throw new StorageValidationError(`windowMs is at most ${MAX_WINDOW_MS}`);
      }
      return (await this._reserve(name, most, window, o)) ?? null;
    });
  }

  public releaseExecution(queue: string, token: string, options?: CallOptions): Promise<void> {
    return this.perform("releaseExecution", options, (o) => {
      const name = this.checked(queue);
      if (typeof token !== "string") throw new StorageValidationError("the token is a text");
      checkText(token, "token");
      return this._release(name, token, o);
    });
  }

  public setupDatabase(options?: CallOptions): Promise<void> {
    return this.perform("setupDatabase", options, (o) => this._setup(o));
  }

  // ——— driver methods

  protected abstract _setup(o: CallOptions | undefined): Awaitable<void>;
  /**
   * Records an execution and forgets the queue's that are older than the longest window that was
   * ever asked for, or than `KEPT_WITHOUT_WINDOW_MS` where none was; perhaps some of them only, but
   * more than one where there are more.
   */
  protected abstract _record(queue: string, o: CallOptions | undefined): Awaitable<void>;
  /** Executions later than `after`. */
  protected abstract _count(
    queue: string,
    after: string,
    o: CallOptions | undefined,
  ): Awaitable<number>;
  protected abstract _oldestAt(
    queue: string,
    offset: number,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined>;
  protected abstract _nextAvailable(
    queue: string,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined>;
  protected abstract _setNextAvailable(
    queue: string,
    iso: string,
    o: CallOptions | undefined,
  ): Awaitable<void>;
  protected abstract _clear(queue: string, o: CallOptions | undefined): Awaitable<void>;
  /**
   * Records an execution if there is room, in one atomic step, and gives its token. Forgets like
   * `_record`, whether there is room or not.
   */
  protected abstract _reserve(
    queue: string,
    max: number,
    windowMs: number,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined>;
  protected abstract _release(
    queue: string,
    token: string,
    o: CallOptions | undefined,
  ): Awaitable<void>;

  private checked(queue: unknown): string {
    if (typeof queue !== "string" || queue === "") {
      throw new StorageValidationError("a queue needs a name");
    }
    checkText(queue, "the queue's name");
    const most = MAX_INDEX_ENTRY_BYTES - this.prefixBytes;
    if (utf8ByteLength(queue) <= most) return queue;
    throw new StorageValidationError(`the queue's name holds at most ${most} bytes`);
  }
}
