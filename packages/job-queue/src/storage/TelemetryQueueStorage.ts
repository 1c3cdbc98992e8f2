import { TracedStorage, type Unsubscribe } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type {
  AddOptions,
  IQueueStorage,
  QueueChangePayload,
  QueueStorageEvents,
  QueueSubscribeOptions,
  SaveProgressOptions,
} from "./IQueueStorage.ts";
import type { JobStatus } from "./JobStatus.ts";
import type { JobStorageFormat, StoredJob } from "./JobStorageFormat.ts";

/** A queue storage that makes one OpenTelemetry span of each operation of another. */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export class TelemetryQueueStorage<Input = any, Output = any>
  extends TracedStorage<QueueStorageEvents<Input, Output>, IQueueStorage<Input, Output>>
  implements IQueueStorage<Input, Output>
{
  /** @param name names the storage in spans */
  public constructor(name: string, inner: IQueueStorage<Input, Output>) {
    super(name, inner);
  }

  public get queueName(): string {
    return this.inner.queueName;
  }

  public add(job: JobStorageFormat<Input, Output>, options?: AddOptions): Promise<unknown> {
    return this.traced("add", () => this.inner.add(job, options));
  }

  public addMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: AddOptions,
  ): Promise<unknown[]> {
    return this.traced("addMany", () => this.inner.addMany(jobs, options), lengthOf(jobs));
  }

  public get(id: unknown, options?: CallOptions): Promise<StoredJob<Input, Output> | undefined> {
    return this.traced("get", () => this.inner.get(id, options));
  }

  public next(
    workerId: string,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output> | undefined> {
    return this.traced("next", () => this.inner.next(workerId, options));
  }

  public nextMany(
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.traced("nextMany", () => this.inner.nextMany(workerId, limit, options), limit);
  }

  public complete(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void> {
    return this.traced("complete", () => this.inner.complete(job, options));
  }

  public completeMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: CallOptions,
  ): Promise<void> {
    return this.traced(
      "completeMany",
      () => this.inner.completeMany(jobs, options),
      lengthOf(jobs),
    );
  }

  public completeAndNext(
    jobs: readonly JobStorageFormat<Input, Output>[],
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.traced(
      "completeAndNext",
      () => this.inner.completeAndNext(jobs, workerId, limit, options),
      lengthOf(jobs),
    );
  }

  public release(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void> {
    return this.traced("release", () => this.inner.release(job, options));
  }

  public peek(
    status?: JobStatus,
    num?: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.traced("peek", () => this.inner.peek(status, num, options));
  }

  public size(status?: JobStatus, options?: CallOptions): Promise<number> {
    return this.traced("size", () => this.inner.size(status, options));
  }

  public abort(id: unknown, options?: CallOptions): Promise<void> {
    return this.traced("abort", () => this.inner.abort(id, options));
  }

  public getByRunId(runId: string, options?: CallOptions): Promise<StoredJob<Input, Output>[]> {
    return this.traced("getByRunId", () => this.inner.getByRunId(runId, options));
  }

  public outputForInput(input: Input, options?: CallOptions): Promise<Output | null> {
    return this.traced("outputForInput", () => this.inner.outputForInput(input, options));
  }

  public saveProgress(
    id: unknown,
    progress: number,
    message: string,
    // biome-ignore lint/suspicious/noExplicitAny: the published signature
    details: Record<string, any> | null,
    options?: SaveProgressOptions,
  ): Promise<void> {
    return this.traced("saveProgress", () =>
      this.inner.saveProgress(id, progress, message, details, options),
    );
  }

  public delete(id: unknown, options?: CallOptions): Promise<void> {
    return this.traced("delete", () => this.inner.delete(id, options));
  }

  public deleteJobsByStatusAndAge(
    status: JobStatus,
    olderThanMs: number,
    options?: CallOptions,
  ): Promise<void> {
    return this.traced("deleteJobsByStatusAndAge", () =>
      this.inner.deleteJobsByStatusAndAge(status, olderThanMs, options),
    );
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.traced("deleteAll", () => this.inner.deleteAll(options));
  }

  /** The span is of the set-up; changes are delivered outside of it. */
  public subscribeToChanges(
    callback: (change: QueueChangePayload<Input, Output>) => void | Promise<void>,
    options?: QueueSubscribeOptions,
  ): Unsubscribe {
    const operation = "subscribeToChanges";
    let unsubscribe: Unsubscribe;
    try {
      unsubscribe = this.inner.subscribeToChanges(callback, options);
    } catch (error) {
      this.traced(operation, () => Promise.reject(error)).catch(() => undefined);
      throw error;
    }
    const ready = this.traced(operation, () => unsubscribe.ready);
    ready.catch(() => undefined);
    return Object.assign(() => unsubscribe(), { ready });
  }
}

/** Bad input is for the inner storage to refuse. */
function lengthOf(items: unknown): number | undefined {
  return Array.isArray(items) ? items.length : undefined;
}
