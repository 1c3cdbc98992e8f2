import type { Prefix } from "@workglow/storage";
import { JobStatus } from "../JobStatus.ts";
import type { StoredJob } from "../JobStorageFormat.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import { ABORTED, fateAfterCrash, lastError, NO_ATTEMPTS_LEFT } from "../jobFate.ts";
import type { NewJob } from "../newJob.ts";
import type { ClaimRequest } from "../queueDriver.ts";
import type { JobRecord } from "./JobRecord.ts";

let lastMs = Number.NaN;
let lastText = "";

/** Most times are the same as the one before. */
function iso(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}

const UNCLAIMED = {
  progress: 0,
  progress_message: "",
  progress_details: null,
  worker_id: null,
  lease_instance: null,
} as const;

/** @param id without it the record is one that the store gives its id */
export function addedJob(
  id: number | undefined,
  queue: string,
  prefixes: readonly Prefix[],
  added: NewJob,
  nowMs: number,
): JobRecord {
  const { job_run_id, backoff, tags, created_at, run_after } = added;
  const stored: StoredJob = {
    id,
    queue,
    status: JobStatus.PENDING,
    priority: added.priority,
    input: added.input,
    fingerprint: added.fingerprint,
    max_retries: added.max_retries,
    deadline_at: added.deadline_at,
    timeout_ms: added.timeout_ms,
    trace_context: added.trace_context,
    output: null,
    error: null,
    error_code: null,
    error_details: null,
    created_at: created_at ?? iso(nowMs),
    run_after: run_after ?? iso(nowMs),
    last_ran_at: null,
    completed_at: null,
    run_attempts: 0,
    ...UNCLAIMED,
    group_key: null,
    dedupe_key: null,
    lease_token: null,
  };
  if (job_run_id !== null) stored.job_run_id = job_run_id;
  if (backoff !== null) stored.backoff = backoff;
  if (tags !== null) stored.tags = tags;
  const tenant = stored as unknown as Record<string, unknown>;
  for (const { name, value } of prefixes) tenant[name] = value;
  const runAfterMs = run_after === null ? nowMs : Date.parse(run_after);
  if (id === undefined) delete tenant.id;
  return {
    stored,
    runAfterMs,
    ready: runAfterMs <= nowMs,
    completedMs: 0,
    timeoutAtMs: Number.POSITIVE_INFINITY,
    backoff,
    crashes: 0,
  };
}

export function claimedJob(
  job: JobRecord,
  { workerId, token }: ClaimRequest,
  instance: string,
  nowMs: number,
): JobRecord {
  return {
    ...job,
    stored: {
      ...job.stored,
      status: JobStatus.PROCESSING,
      run_attempts: job.stored.run_attempts + 1,
      last_ran_at: iso(nowMs),
      worker_id: workerId,
      lease_token: token,
      lease_instance: instance,
    },
    timeoutAtMs: nowMs + (job.stored.timeout_ms ?? Number.POSITIVE_INFINITY),
  };
}

/** A final end, or a retry where there are attempts left and nobody wants the job aborted. */
export function endedJob(job: JobRecord, ending: JobEnding, nowMs: number): JobRecord {
  const { stored } = job;
  const { error, error_code, error_details } = ending;
  if (ending.status !== JobStatus.PENDING) {
    return final(
      job,
      {
        status: ending.status,
        output: ending.output,
        error,
        error_code,
        error_details,
        progress: ending.progress ?? stored.progress,
        progress_message: ending.progress_message ?? stored.progress_message,
        progress_details: ending.progress_details ?? stored.progress_details,
      } as Partial<StoredJob>,
      nowMs,
    );
  }
  if (stored.status === JobStatus.ABORTING) {
    const reason = {
      error: error ?? ABORTED.error,
      error_code: error_code ?? ABORTED.error_code,
      error_details: lastError(ending),
    };
    return final(job, { status: JobStatus.FAILED, ...reason }, nowMs);
  }
  if (stored.run_attempts > stored.max_retries) {
    const reason = { ...NO_ATTEMPTS_LEFT, error_details: lastError(ending) };
    return final(job, { status: JobStatus.FAILED, ...reason }, nowMs);
  }
  const runAfterMs = ending.run_after === null ? nowMs : Date.parse(ending.run_after);
  return pending(job, { ...UNCLAIMED, error, error_code, error_details }, runAfterMs, nowMs);
}

/** What a crash leads to. The token goes: its attempt is over, whatever its holder says. */
export function sweptJob(job: JobRecord, nowMs: number): JobRecord {
  const fate = fateAfterCrash({ ...job.stored, backoff: job.backoff, crashes: job.crashes });
  if (fate.status !== JobStatus.PENDING) return final(job, { ...fate, lease_token: null }, nowMs);
  const runAfterMs = fate.delayMs === 0 ? job.runAfterMs : nowMs + fate.delayMs;
  const swept = pending(job, { ...UNCLAIMED, lease_token: null }, runAfterMs, nowMs);
  return { ...swept, crashes: job.crashes + 1 };
}

/** As if the job had not been claimed. */
export function givenBackJob(job: JobRecord, nowMs: number): JobRecord {
  const { status, run_attempts } = job.stored;
  if (status === JobStatus.ABORTING) {
    return final(job, { status: JobStatus.FAILED, ...ABORTED, lease_token: null }, nowMs);
  }
  const change = { ...UNCLAIMED, run_attempts: run_attempts - 1, lease_token: null };
  return pending(job, change, job.runAfterMs, nowMs);
}

/** `undefined` where there is nothing to abort. */
export function abortedJob(job: JobRecord, nowMs: number): JobRecord | undefined {
  const { status } = job.stored;
  if (status === JobStatus.PENDING) {
    return final(job, { status: JobStatus.FAILED, ...ABORTED, lease_token: null }, nowMs);
  }
  if (status !== JobStatus.PROCESSING) return undefined;
  return { ...job, stored: { ...job.stored, status: JobStatus.ABORTING } };
}

export function progressedJob(job: JobRecord, saved: JobProgress): JobRecord {
  const { progress, progress_message, progress_details } = saved;
  const change = { progress, progress_message, progress_details } as Partial<StoredJob>;
  return { ...job, stored: { ...job.stored, ...change } };
}

/** The job is due. */
export function promotedJob(job: JobRecord): JobRecord {
  return { ...job, ready: true };
}

function final(job: JobRecord, change: Partial<StoredJob>, nowMs: number): JobRecord {
  return {
    ...job,
    stored: { ...job.stored, ...change, completed_at: iso(nowMs), lease_instance: null },
    ready: false,
    completedMs: nowMs,
    timeoutAtMs: Number.POSITIVE_INFINITY,
  };
}

function pending(
  job: JobRecord,
  change: Partial<StoredJob>,
  runAfterMs: number,
  nowMs: number,
): JobRecord {
  return {
    ...job,
    stored: { ...job.stored, status: JobStatus.PENDING, ...change, run_after: iso(runAfterMs) },
    runAfterMs,
    ready: runAfterMs <= nowMs,
    timeoutAtMs: Number.POSITIVE_INFINITY,
  };
}
