import type { IQueueStorage } from "@workglow/job-queue";
import { Child } from "./Child.ts";

type Answer<T> = { readonly value: T; readonly error?: undefined } | { readonly error: string };

type Methods =
  | "next"
  | "nextMany"
  | "complete"
  | "completeMany"
  | "saveProgress"
  | "release"
  | "add"
  | "size";

/** A queue in another process, whose methods are called from here. */
export class QueueServer {
  public readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  public static async start(file: string, queue: string, leaseMs: number): Promise<QueueServer> {
    const child = new Child("queueServer", file, queue, leaseMs);
    await child.message();
    return new QueueServer(child);
  }

  /** What the call gives; rejects with the name of its error. */
  public async call<Method extends Methods>(
    method: Method,
    ...args: Parameters<IQueueStorage[Method]>
  ): Promise<Awaited<ReturnType<IQueueStorage[Method]>>> {
    this.child.send({ method, args });
    const answer = await this.child.message<Answer<Awaited<ReturnType<IQueueStorage[Method]>>>>();
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }
}
