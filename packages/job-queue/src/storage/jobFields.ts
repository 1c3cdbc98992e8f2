import type { JobStorageFormat } from "./JobStorageFormat.ts";

type JobField = keyof JobStorageFormat;

/** What databases keep of a job beside what it shows. */
const KEPT_BESIDE = ["ready", "timeout_at", "fingerprint_hash", "crashes", "room"] as const;

const FIELDS: Readonly<Record<JobField, true>> = {
  id: true,
  job_run_id: true,
  queue: true,
  input: true,
  output: true,
  error: true,
  error_code: true,
  fingerprint: true,
  max_retries: true,
  status: true,
  created_at: true,
  deadline_at: true,
  last_ran_at: true,
  run_after: true,
  completed_at: true,
  run_attempts: true,
  progress: true,
  progress_message: true,
  progress_details: true,
  worker_id: true,
  priority: true,
  group_key: true,
  dedupe_key: true,
  timeout_ms: true,
  backoff: true,
  parent_ids: true,
  tags: true,
  error_details: true,
  trace_context: true,
  lease_token: true,
  lease_instance: true,
};

const NAMES: ReadonlySet<string> = new Set([...Object.keys(FIELDS), ...KEPT_BESIDE]);

/** Whether a tenant column cannot have the name: some databases do not tell the cases of letters. */
export function isJobField(name: string): boolean {
  return NAMES.has(name.toLowerCase());
}
