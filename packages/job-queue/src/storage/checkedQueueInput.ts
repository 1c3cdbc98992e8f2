import { checkedCount, describeType } from "@workglow/storage";
import { checkText, StorageValidationError } from "@workglow/util";
import { isJobStatus, type JobStatus } from "./JobStatus.ts";

const DEFAULT_LEASE_MS = 30_000;
/** Timers take no longer delay. */
const MAX_LEASE_MS = 2 ** 31 - 1;

// Each gives what it was given, checked, and throws a StorageValidationError for what cannot be.

export function checkedQueueName(name: unknown): string {
  if (typeof name !== "string" || name === "") {
    throw new StorageValidationError("a queue needs a name");
  }
  checkText(name, "the queue's name");
  return name;
}

export function checkedLeaseMs(given: unknown): number {
  const leaseMs = checkedCount(given, "leaseMs", 1) ?? DEFAULT_LEASE_MS;
  if (leaseMs <= MAX_LEASE_MS) return leaseMs;
  throw new StorageValidationError(`leaseMs is at most ${MAX_LEASE_MS}`);
}

/** `false` unless given. */
export function checkedFlag(given: unknown, name: string): boolean {
  if (given === undefined || typeof given === "boolean") return given ?? false;
  throw new StorageValidationError(`${name} is true or false, not ${describeType(given)}`);
}

export function checkedWorker(workerId: unknown): string {
  if (typeof workerId !== "string") {
    throw new StorageValidationError(`workerId is a text, not ${describeType(workerId)}`);
  }
  checkText(workerId, "workerId");
  return workerId;
}

export function checkedStatus(status: unknown): JobStatus {
  if (isJobStatus(status)) return status;
  throw new StorageValidationError("there is no such job status");
}

export function checkedList<T>(jobs: readonly T[]): readonly T[] {
  if (Array.isArray(jobs)) return jobs;
  throw new StorageValidationError("the jobs are a list");
}

export function checkedJob<T>(job: T): T {
  if (typeof job === "object" && job !== null) return job;
  throw new StorageValidationError(`a job is an object, not ${describeType(job)}`);
}
