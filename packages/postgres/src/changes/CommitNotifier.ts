import type { SqlExecutor, SqlStatement } from "@workglow/storage/sql";
import { subscribersTable } from "./changeLogNames.ts";
import { NOW_MS } from "./leasePrograms.ts";

/** There is one notification for all commits of this time. */
const NOTIFY_MS = 20;
/** How long it is taken for granted that nobody listens, and for how long after a failure. */
const NOBODY_MS = 1_000;
const FAILURE_MS = 10_000;

/**
 * Tells subscribers of other processes that this one has committed: at once after a pause, then at
 * most once in 20 ms. A notification inside the writing transaction would make all commits of the
 * database wait for each other.
 */
export class CommitNotifier {
  private readonly executor: SqlExecutor;
  private readonly channel: () => Promise<string>;
  private readonly instance: string;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private notifiedAt = Number.NEGATIVE_INFINITY;
  private quietUntil = Number.NEGATIVE_INFINITY;
  private known = false;
  private busy = false;
  private again = false;

  /** @param instance begins the ids of this process's own subscribers, and is what is told */
  public constructor(executor: SqlExecutor, channel: () => Promise<string>, instance: string) {
    this.executor = executor;
    this.channel = channel;
    this.instance = instance;
  }

  /** To be called after each commit. */
  public committed(): void {
    if (this.busy) {
      this.again = true;
      return;
    }
    const now = performance.now();
    if (this.timer !== undefined || now < this.quietUntil) return;
    this.timer = setTimeout(
      () => void this.notify(),
      Math.max(this.notifiedAt + NOTIFY_MS - now, 0),
    );
  }

  /**
   * What tells everybody, this process too, when the transaction commits in which it is run: for
   * transactions whose commit nobody else sees. `undefined` where nobody listens.
   *
   * @param subscribed whether this process has subscribers itself
   */
  public async inTransaction(subscribed: boolean): Promise<SqlStatement | undefined> {
    if (!subscribed && performance.now() < this.quietUntil) return undefined;
    return { text: "SELECT pg_notify($1::text, '')", params: [await this.channel()] };
  }

  private async notify(): Promise<void> {
    this.timer = undefined;
    this.busy = true;
    this.again = false;
    this.notifiedAt = performance.now();
    try {
      if (!(await this.tell())) this.quietUntil = performance.now() + NOBODY_MS;
    } catch {
      // Whoever polls will find the changes.
      this.known = false;
      this.quietUntil = performance.now() + FAILURE_MS;
    } finally {
      this.busy = false;
    }
    if (this.again) this.committed();
  }

  /** Notifies whoever else listens; whether there is anybody. */
  private async tell(): Promise<boolean> {
    const subscribers = subscribersTable(this.executor.dialect);
    if (!this.known) {
      // A database in which nothing was set up would report an error each time.
      const { rows } = await this.executor.execute({
        text: "SELECT 1 WHERE to_regclass($1::text) IS NOT NULL",
        params: [subscribers],
      });
      if (rows.length === 0) return false;
      this.known = true;
    }
    const { rows } = await this.executor.execute({
      text: `SELECT pg_notify($1::text, $2::text) WHERE EXISTS (
  SELECT 1 FROM ${subscribers} WHERE "expires_ms" > ${NOW_MS} AND NOT starts_with("subscriber", $2::text))`,
      params: [await this.channel(), this.instance],
    });
    return rows.length > 0;
  }
}
