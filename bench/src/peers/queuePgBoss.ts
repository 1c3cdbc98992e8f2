import { PgBoss } from "pg-boss";
import type { BenchInput } from "../jobs.ts";
import type { QueueApi } from "./queueJobs.ts";

const NAME = "bench";

/** pg-boss by its calls that take jobs and end them; ended jobs stay for days. */
export class PgBossQueue implements QueueApi {
  private readonly boss: PgBoss;

  private constructor(boss: PgBoss) {
    this.boss = boss;
  }

  public static async open(url: string): Promise<PgBossQueue> {
    // Its upkeep would run in the middle of somebody's round.
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
    boss.on("error", (error) => console.error(String(error)));
    await boss.start();
    await boss.createQueue(NAME);
    return new PgBossQueue(boss);
  }

  public clear(): Promise<void> {
    return this.boss.deleteAllJobs(NAME);
  }

  public fill(inputs: readonly BenchInput[]): Promise<unknown> {
    return this.boss.insert(
      NAME,
      inputs.map((data) => ({ data })),
    );
  }

  /** Takes up to `batchSize` jobs and ends them; gives how many. */
  public async step(batchSize: number): Promise<number> {
    const jobs = await this.boss.fetch<BenchInput>(NAME, { batchSize });
    if (jobs.length === 0) return 0;
    await this.boss.complete(
      NAME,
      jobs.map(({ id }) => id),
      { done: true },
    );
    return jobs.length;
  }

  public async unfinished(): Promise<number> {
    const { rows } = await this.boss
      .getDb()
      .executeSql("SELECT count(*) FROM pgboss.job WHERE state < 'completed'");
    return Number(rows[0].count);
  }

  public close(): Promise<void> {
    return this.boss.stop({ graceful: false });
  }
}
