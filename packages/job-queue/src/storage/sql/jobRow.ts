import type { Prefix } from "@workglow/storage";
import type { SqlColumnType, SqlRow, SqlValue } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import type { StoredJob } from "../JobStorageFormat.ts";
import { prefixColumns, typeOfJobColumn } from "./queueTables.ts";

/** Places of the columns in a row: first those of which a claim cannot know the value beforehand. */
const AT = {
  id: 0,
  priority: 1,
  run_after: 2,
  input: 3,
  run_attempts: 4,
  max_retries: 5,
  fingerprint: 6,
  created_at: 7,
  deadline_at: 8,
  last_ran_at: 9,
  error: 10,
  error_code: 11,
  error_details: 12,
  timeout_ms: 13,
  group_key: 14,
  dedupe_key: 15,
  trace_context: 16,
  job_run_id: 17,
  backoff: 18,
  parent_ids: 19,
  tags: 20,
  queue: 21,
  status: 22,
  output: 23,
  completed_at: 24,
  progress: 25,
  progress_message: 26,
  progress_details: 27,
  worker_id: 28,
  lease_token: 29,
  lease_instance: 30,
} as const satisfies Readonly<Record<keyof StoredJob, number>>;

const COLUMNS = Object.keys(AT);
const CLAIM_COLUMNS = COLUMNS.slice(0, AT.queue);

export interface SelectedColumn {
  readonly name: string;
  readonly type: SqlColumnType;
}

/** What a job has besides the columns of a claim. */
type JobState = Pick<
  StoredJob,
  | "queue"
  | "status"
  | "output"
  | "completed_at"
  | "progress"
  | "progress_message"
  | "progress_details"
  | "worker_id"
  | "lease_token"
  | "lease_instance"
>;

/** Who claimed a job, and as what. */
export type ClaimMark = Pick<StoredJob, "worker_id" | "lease_token" | "lease_instance">;

/** Jobs, between rows of the database and the form in which they are handed out. */
export class JobCodec {
  public readonly columns: readonly SelectedColumn[];
  public readonly claimColumns: readonly SelectedColumn[];
  private readonly queue: string;
  private readonly prefixes: readonly Prefix[];

  public constructor(queue: string, prefixes: readonly Prefix[]) {
    this.queue = queue;
    this.prefixes = prefixes;
    this.columns = [...COLUMNS.map(selectedColumn), ...prefixColumns(prefixes)];
    this.claimColumns = CLAIM_COLUMNS.map(selectedColumn);
  }

  /** The order of claims, among rows of either list of columns. */
  public compareClaims(this: void, a: SqlRow, b: SqlRow): number {
    const byPriority = Number(b[AT.priority]) - Number(a[AT.priority]);
    if (byPriority !== 0) return byPriority;
    const [left, right] = [String(a[AT.run_after]), String(b[AT.run_after])];
    if (left !== right) return left < right ? -1 : 1;
    return Number(a[AT.id]) - Number(b[AT.id]);
  }

  /** A job of a row of `columns`. */
  public decode<Input, Output>(row: SqlRow): StoredJob<Input, Output> {
    const job = jobOf(row, {
      queue: row[AT.queue] as string,
      status: row[AT.status] as JobStatus,
      output: json(row[AT.output]),
      completed_at: row[AT.completed_at] as string | null,
      progress: Number(row[AT.progress]),
      progress_message: row[AT.progress_message] as string,
      progress_details: json(row[AT.progress_details]) as StoredJob["progress_details"],
      worker_id: row[AT.worker_id] as string | null,
      lease_token: row[AT.lease_token] as string | null,
      lease_instance: row[AT.lease_instance] as string | null,
    });
    const tenant = job as unknown as Record<string, unknown>;
    this.prefixes.forEach(({ name }, place) => {
      tenant[name] = row[COLUMNS.length + place];
    });
    return job;
  }

  /** A job of a row of `claimColumns`. */
  public decodeClaimed<Input, Output>(row: SqlRow, mark: ClaimMark): StoredJob<Input, Output> {
    const job = jobOf(row, {
      queue: this.queue,
      status: JobStatus.PROCESSING,
      output: null,
      completed_at: null,
      progress: 0,
      progress_message: "",
      progress_details: null,
      worker_id: mark.worker_id,
      lease_token: mark.lease_token,
      lease_instance: mark.lease_instance,
    });
    const tenant = job as unknown as Record<string, unknown>;
    for (const { name, value } of this.prefixes) tenant[name] = value;
    return job;
  }
}

/** One literal with every property: objects that are put together bit by bit are slow to copy. */
function jobOf(row: SqlRow, state: JobState): StoredJob {
  const job: StoredJob = {
    id: Number(row[AT.id]),
    queue: state.queue,
    status: state.status,
    priority: Number(row[AT.priority]),
    input: json(row[AT.input]),
    output: state.output,
    error: row[AT.error] as string | null,
    error_code: row[AT.error_code] as string | null,
    error_details: json(row[AT.error_details]) as StoredJob["error_details"],
    run_after: row[AT.run_after] as string,
    run_attempts: Number(row[AT.run_attempts]),
    max_retries: Number(row[AT.max_retries]),
    fingerprint: row[AT.fingerprint] as string,
    created_at: row[AT.created_at] as string,
    deadline_at: row[AT.deadline_at] as string | null,
    last_ran_at: row[AT.last_ran_at] as string | null,
    completed_at: state.completed_at,
    progress: state.progress,
    progress_message: state.progress_message,
    progress_details: state.progress_details,
    worker_id: state.worker_id,
    timeout_ms: row[AT.timeout_ms] === null ? null : Number(row[AT.timeout_ms]),
    group_key: row[AT.group_key] as string | null,
    dedupe_key: row[AT.dedupe_key] as string | null,
    trace_context: json(row[AT.trace_context]) as StoredJob["trace_context"],
    lease_token: state.lease_token,
    lease_instance: state.lease_instance,
  };
  if (row[AT.job_run_id] !== null) job.job_run_id = row[AT.job_run_id] as string;
  if (row[AT.backoff] !== null) job.backoff = json(row[AT.backoff]) as StoredJob["backoff"];
  if (row[AT.parent_ids] !== null) job.parent_ids = json(row[AT.parent_ids]) as unknown[];
  if (row[AT.tags] !== null) job.tags = json(row[AT.tags]) as string[];
  return job;
}

function selectedColumn(name: string): SelectedColumn {
  return { name, type: typeOfJobColumn(name) };
}

function json(text: SqlValue | undefined): unknown {
  return typeof text === "string" ? JSON.parse(text) : null;
}

/** JSON for a column that takes null. */
export function jsonText(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
