import { Eventual } from "@workglow/storage";
import type { SqlExecutor, SqlProgram } from "@workglow/storage/sql";
import { isTransient } from "@workglow/util";

/** What can be done for several calls at once: as many results as requests, in their order. */
export type BatchProgram<Request, Result> = (
  requests: readonly Request[],
) => SqlProgram<readonly Result[]>;

/** Beyond this the first call would wait long for the last. */
const MOST_REQUESTS = 256;

class Batch<Request, Result> {
  public readonly program: BatchProgram<Request, Result>;
  private readonly executor: SqlExecutor;
  private readonly requests: Request[];
  private readonly results: Eventual<Result>[] = [];
  private begun = false;

  public constructor(
    executor: SqlExecutor,
    program: BatchProgram<Request, Result>,
    first: Request,
  ) {
    this.executor = executor;
    this.program = program;
    this.requests = [first];
  }

  public get isOpen(): boolean {
    return !this.begun && this.requests.length < MOST_REQUESTS;
  }

  public add(request: Request): Eventual<Result> {
    this.requests.push(request);
    return this.expectResult();
  }

  /** Hands the program to the executor; gives the first request's result. */
  public start(): Eventual<Result> {
    const result = this.expectResult();
    const running = this.executor.atomic(() => {
      this.begun = true;
      return this.program(this.requests);
    });
    running.then(
      (values) => {
        for (let at = 0; at < values.length; at++) this.results[at]?.resolve(values[at] as Result);
      },
      (error: unknown) => this.fail(error),
    );
    return result;
  }

  private expectResult(): Eventual<Result> {
    const result = new Eventual<Result>();
    this.results.push(result);
    return result;
  }

  /** One call's failure is not the others': each is made by itself. */
  private fail(error: unknown): void {
    const together = this.requests.length > 1 && !isTransient(error);
    this.results.forEach((result, at) => {
      if (!together) {
        result.reject(error);
        return;
      }
      const request = this.requests[at] as Request;
      this.executor
        .atomic(() => this.program([request]))
        .then(
          ([value]) => result.resolve(value as Result),
          (own: unknown) => result.reject(own),
        );
    });
  }
}

/**
 * Lets calls share a program that was handed to the executor and has not begun. A call joins only
 * the latest batch of this storage, and only while nothing else was called after it, so that calls
 * take effect in the order in which they were made.
 */
export class CallBatches {
  private latest: Batch<unknown, unknown> | undefined;

  /** Something else is called: what comes after it must not join what came before. */
  public seal(): void {
    this.latest = undefined;
  }

  public join<Request, Result>(
    executor: SqlExecutor,
    program: BatchProgram<Request, Result>,
    request: Request,
  ): Eventual<Result> {
    const latest = this.latest as Batch<Request, Result> | undefined;
    if (latest?.program === program && latest.isOpen) return latest.add(request);
    const batch = new Batch(executor, program, request);
    this.latest = batch as unknown as Batch<unknown, unknown>;
    return batch.start();
  }
}
