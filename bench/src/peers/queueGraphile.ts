import { Logger, makeWorkerUtils, type Runner, run, type WorkerUtils } from "graphile-worker";
import pg from "pg";
import type { BenchInput } from "../jobs.ts";
import type { QueueApi } from "./queueJobs.ts";

const NAME = "bench";
const logger = new Logger(() => () => undefined);

/** graphile-worker, which deletes jobs as they end. */
export class GraphileQueue implements QueueApi {
  private readonly url: string;
  private readonly utils: WorkerUtils;
  private readonly pool: pg.Pool;

  private constructor(url: string, utils: WorkerUtils) {
    this.url = url;
    this.utils = utils;
    this.pool = new pg.Pool({ connectionString: url, max: 1 });
  }

  public static async open(url: string): Promise<GraphileQueue> {
    const utils = await makeWorkerUtils({ connectionString: url, logger });
    await utils.migrate();
    return new GraphileQueue(url, utils);
  }

  public clear(): Promise<unknown> {
    return this.pool.query("TRUNCATE graphile_worker._private_jobs");
  }

  public fill(inputs: readonly BenchInput[]): Promise<unknown> {
    return this.utils.addJobs(inputs.map((payload) => ({ identifier: NAME, payload })));
  }

  public add(input: BenchInput): Promise<unknown> {
    return this.utils.addJob(NAME, input);
  }

  /** A runner with the settings of the figures that its documentation gives. */
  public start(task: (input: BenchInput) => unknown, batching: boolean): Promise<Runner> {
    return run({
      connectionString: this.url,
      logger,
      noHandleSignals: true,
      parsedCronItems: [],
      taskList: { [NAME]: (payload) => task(payload as BenchInput) as undefined },
      preset: {
        worker: {
          concurrentJobs: 24,
          maxPoolSize: 25,
          ...(batching && {
            localQueue: { size: 500 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          }),
        },
      },
    });
  }

  /** Waits until a runner has taken its first jobs. */
  public async settled(): Promise<void> {
    for (;;) {
      const taken = await this.pool.query<{ some: boolean }>(
        "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs WHERE locked_at IS NOT NULL) AS some",
      );
      if (taken.rows[0]?.some) return;
    }
  }

  public async unfinished(): Promise<number> {
    const counted = await this.pool.query<{ count: string }>(
      "SELECT count(*) FROM graphile_worker._private_jobs",
    );
    return Number(counted.rows[0]?.count);
  }

  public async close(): Promise<void> {
    await this.utils.release();
    await this.pool.end();
  }
}
