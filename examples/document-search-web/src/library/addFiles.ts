import { giveJobs } from "@workglow/example-document-search-core";
import { JobStatus } from "@workglow/job-queue";
import { utf8ByteLength } from "@workglow/util";
import type { IndexJob, Library } from "./library.ts";
import { jobsLeft, ROUND } from "./progress.ts";

const MOST_FAILED_JOBS = 10_000;
/** A job keeps its whole file in memory while it runs. */
const MOST_BYTES = 32 * 2 ** 20;
/** An index entry holds 2,000 bytes, the path and a position among them. */
const LONGEST_PATH_BYTES = 1900;

export interface GivenFile {
  /** Names the document: a file of the same path takes its place. */
  readonly path: string;
  readonly file: File;
}

/** A file that was left out, and why, in words for people. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export interface AddedFiles {
  readonly added: number;
  /** They are there already, with the same content. */
  readonly unchanged: number;
  readonly leftOut: readonly LeftOut[];
}

interface ReadFile {
  readonly path: string;
  readonly hash: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Notes files as documents, each with its content and its job, all of it or nothing. */
export async function addFiles(library: Library, files: readonly GivenFile[]): Promise<AddedFiles> {
  const outcomes = await Promise.all(files.map(read));
  const readable = new Map<string, ReadFile>();
  const leftOut: LeftOut[] = [];
  for (const outcome of outcomes) {
    if ("reason" in outcome) leftOut.push(outcome);
    // Of two files of one path the last counts.
    else readable.set(outcome.path, outcome);
  }
  const added = await store(library, [...readable.values()]);
  return { added, unchanged: readable.size - added, leftOut };
}

async function read({ path, file }: GivenFile): Promise<ReadFile | LeftOut> {
  if (utf8ByteLength(path) > LONGEST_PATH_BYTES) return { path, reason: "its path is too long" };
  if (file.size > MOST_BYTES) return { path, reason: "it is larger than 32 MB" };
  try {
    const content = new Uint8Array(await file.arrayBuffer());
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { path: path.toWellFormed(), hash, content };
  } catch {
    return { path, reason: "the browser could not read it" };
  }
}

async function store(library: Library, files: readonly ReadFile[]): Promise<number> {
  if (files.length === 0) return 0;
  const failed = await library.jobs.peek(JobStatus.FAILED, MOST_FAILED_JOBS);
  const again = new Set(failed.map(({ input }) => input.path));
  return library.transaction(async (tx) => {
    const documents = library.documents.with(tx);
    const jobs = library.jobs.with(tx);
    const settings = library.settings.with(tx);
    const before = await jobsLeft(jobs);
    const jobOf = ({ path }: ReadFile): IndexJob => ({ path });
    const given = await giveJobs({ documents, jobs }, files, again, jobOf);
    await documents.putBulk(
      given.map(({ file: { path, hash, content }, jobId }) => ({
        path,
        hash,
        job_id: jobId,
        bytes: content.byteLength,
      })),
    );
    await library.sources
      .with(tx)
      .putBulk(given.map(({ file: { path, content } }) => ({ path, content })));
    const round = before === 0 ? 0 : Number((await settings.get(ROUND)) ?? 0);
    await settings.put(ROUND, round + (await jobsLeft(jobs)) - before);
    return given.length;
  });
}
