import {
  canonicalDateTime,
  checkedCount,
  describeType,
  MAX_INDEX_ENTRY_BYTES,
  type Prefix,
} from "@workglow/storage";
import {
  canonicalJson,
  checkText,
  copyJson,
  type JsonValue,
  StorageUnsupportedError,
  StorageValidationError,
  sha256Hex,
  utf8ByteLength,
} from "@workglow/util";
import { JobStatus } from "./JobStatus.ts";
import type { JobBackoff } from "./JobStorageFormat.ts";

/** What callers may choose of a new job, checked and copied. */
export interface NewJob {
  input: JsonValue;
  /** The same as text. */
  inputText: string;
  fingerprint: string;
  job_run_id: string | null;
  max_retries: number;
  /** Null is now, here and in `run_after`. */
  created_at: string | null;
  deadline_at: string | null;
  run_after: string | null;
  priority: number;
  timeout_ms: number | null;
  backoff: JobBackoff | null;
  tags: readonly string[] | null;
  trace_context: Record<string, string> | null;
}

/** The queue that a job is added to. */
export interface JobQueue {
  readonly name: string;
  readonly prefixes: readonly Prefix[];
  /** Named in errors about what is not supported. */
  readonly backend: string;
  /** UTF-8 bytes that prefixes and queue take of each index entry. */
  readonly keyBytes: number;
}

const DEFAULT_MAX_RETRIES = 10;
const MAX_INT32 = 2 ** 31 - 1;
/** A thousand years. */
const MAX_TIMEOUT_MS = 31_556_952_000_000;

type FieldCheck = (job: NewJob, value: unknown, field: string, queue: JobQueue) => void;

const FIELDS: ReadonlyMap<string, FieldCheck> = new Map<string, FieldCheck>([
  ["input", (job, value) => (job.input = copyJson(value, "input"))],
  ["fingerprint", (job, value, field, q) => (job.fingerprint = indexedText(value, field, q))],
  ["job_run_id", (job, value, field, q) => (job.job_run_id = indexedText(value, field, q))],
  ["max_retries", (job, value) => (job.max_retries = integer(value, "max_retries", 0))],
  ["priority", (job, value) => (job.priority = integer(value, "priority", -MAX_INT32 - 1))],
  ["created_at", (job, value, field) => (job.created_at = canonicalDateTime(value, field))],
  ["deadline_at", (job, value, field) => (job.deadline_at = canonicalDateTime(value, field))],
  ["run_after", (job, value, field) => (job.run_after = canonicalDateTime(value, field))],
  ["timeout_ms", (job, value) => (job.timeout_ms = timeout(value))],
  ["backoff", (job, value) => (job.backoff = checkedBackoff(value))],
  ["tags", (job, value) => (job.tags = texts(value, "tags"))],
  ["trace_context", (job, value) => (job.trace_context = textRecord(value, "trace_context"))],
  ["queue", (_job, value, _field, queue) => refuseOtherThan(value, queue.name, "queue")],
  ["dedupe_key", refuseUnsupported],
  ["group_key", refuseUnsupported],
  ["parent_ids", refuseParents],
  ["status", keptByQueue(JobStatus.PENDING)],
  ["run_attempts", keptByQueue(0)],
  ["progress", keptByQueue(0)],
  ["progress_message", keptByQueue("")],
  ...[
    "id",
    "output",
    "error",
    "error_code",
    "error_details",
    "completed_at",
    "last_ran_at",
    "worker_id",
    "progress_details",
    "lease_token",
    "lease_instance",
  ].map((field) => [field, keptByQueue()] as const),
]);

/**
 * Checks and copies a job that is to be added. Properties that are undefined or null count as not
 * given.
 *
 * @throws StorageValidationError for an input that is no JSON, a field that the queue does not know
 *   or keeps itself, and values out of range; StorageUnsupportedError for fields that would have to
 *   act and cannot
 */
export function newJob(given: unknown, queue: JobQueue): NewJob {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new StorageValidationError(`a job is an object, not ${describeType(given)}`);
  }
  const job: NewJob = {
    input: null,
    inputText: "",
    fingerprint: "",
    job_run_id: null,
    max_retries: DEFAULT_MAX_RETRIES,
    created_at: null,
    deadline_at: null,
    run_after: null,
    priority: 0,
    timeout_ms: null,
    backoff: null,
    tags: null,
    trace_context: null,
  };
  const values = given as Readonly<Record<string, unknown>>;
  for (const field of Object.keys(values)) {
    const value = values[field];
    if (value === undefined || (value === null && field !== "input")) continue;
    const check = FIELDS.get(field);
    if (check === undefined) refuseUnknown(field, value, queue);
    else check(job, value, field, queue);
  }
  if (values.input === undefined) throw new StorageValidationError("a job needs an input");
  job.inputText = JSON.stringify(job.input);
  if (job.fingerprint === "") job.fingerprint = fingerprint(queue.name, job.input, job.inputText);
  return job;
}

/**
 * Stands for a queue and an input: equal for equal values, whatever the order of their keys.
 *
 * @throws StorageValidationError for what is no JSON
 */
export function fingerprintOf(queueName: string, given: unknown): string {
  const input = copyJson(given, "input");
  return fingerprint(queueName, input, JSON.stringify(input));
}

/** `text` is the input as JSON; where all keys are in order already, it is the canonical text. */
function fingerprint(queueName: string, input: JsonValue, text: string): string {
  const canonical = hasSortedKeys(input) ? text : canonicalJson(input);
  return sha256Hex(`[${JSON.stringify(queueName)},${canonical}]`);
}

function hasSortedKeys(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(hasSortedKeys);
  let last = "";
  for (const key of Object.keys(value)) {
    if (key < last) return false;
    last = key;
    if (!hasSortedKeys((value as { readonly [key: string]: JsonValue })[key] as JsonValue))
      return false;
  }
  return true;
}

/** A text that an index holds. @throws StorageValidationError */
export function indexedText(
  value: unknown,
  field: string,
  queue: Pick<JobQueue, "keyBytes">,
): string {
  if (typeof value !== "string" || value === "") {
    throw new StorageValidationError(`${field} is a text that is not empty`);
  }
  checkText(value, field);
  const left = MAX_INDEX_ENTRY_BYTES - queue.keyBytes;
  if (value.length * 3 > left && utf8ByteLength(value) > left) {
    throw new StorageValidationError(`${field} holds at most ${left} bytes`);
  }
  return value;
}

function integer(value: unknown, field: string, least: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > MAX_INT32) {
    throw new StorageValidationError(`${field} is an integer from ${least} to ${MAX_INT32}`);
  }
  return value === 0 ? 0 : (value as number);
}

function timeout(value: unknown): number {
  const ms = checkedCount(value, "timeout_ms", 1) as number;
  if (ms <= MAX_TIMEOUT_MS) return ms;
  throw new StorageValidationError(`timeout_ms is at most ${MAX_TIMEOUT_MS}`);
}

const BACKOFF_RANGES: Readonly<Record<keyof JobBackoff, readonly [number, number]>> = {
  baseMs: [0, MAX_TIMEOUT_MS],
  factor: [1, 1000],
  maxMs: [0, MAX_TIMEOUT_MS],
  jitter: [0, 1],
};

function checkedBackoff(value: unknown): JobBackoff {
  const copy = copyJson(value, "backoff");
  if (!isRecord(copy)) throw new StorageValidationError("backoff is an object");
  for (const [name, number] of Object.entries(copy)) {
    if (!Object.hasOwn(BACKOFF_RANGES, name)) {
      throw new StorageValidationError(`backoff has no "${name}"`);
    }
    const [least, most] = BACKOFF_RANGES[name as keyof JobBackoff];
    if (typeof number !== "number" || number < least || number > most) {
      throw new StorageValidationError(`backoff.${name} is a number from ${least} to ${most}`);
    }
  }
  return copy;
}

function texts(value: unknown, field: string): readonly string[] {
  const copy = copyJson(value, field);
  if (Array.isArray(copy) && copy.every((item) => typeof item === "string")) return copy;
  throw new StorageValidationError(`${field} is a list of texts`);
}

function textRecord(value: unknown, field: string): Record<string, string> {
  const copy = copyJson(value, field);
  if (isRecord(copy) && Object.values(copy).every((item) => typeof item === "string")) {
    return copy as Record<string, string>;
  }
  throw new StorageValidationError(`${field} is an object of texts`);
}

function isRecord(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseUnsupported(_job: NewJob, _value: unknown, field: string, queue: JobQueue): never {
  throw new StorageUnsupportedError(field, `the ${queue.backend} queue`, { operation: "add" });
}

function refuseParents(job: NewJob, value: unknown, field: string, queue: JobQueue): void {
  if (!Array.isArray(value)) throw new StorageValidationError("parent_ids is a list");
  if (value.length > 0) refuseUnsupported(job, value, field, queue);
}

function keptByQueue(initial?: unknown): FieldCheck {
  return (_job, value, field) => {
    if (value === initial) return;
    throw new StorageValidationError(`${field} is kept by the queue: a new job cannot bring one`);
  };
}

function refuseUnknown(field: string, value: unknown, queue: JobQueue): void {
  const prefix = queue.prefixes.find(({ name }) => name === field);
  if (prefix === undefined) throw new StorageValidationError(`a job has no field "${field}"`);
  refuseOtherThan(value, prefix.value, field);
}

function refuseOtherThan(value: unknown, own: string | number, field: string): void {
  if (value !== own) {
    throw new StorageValidationError(`${field} is given by the storage: leave it out`);
  }
}
