import type { JobQueue } from "./storages.ts";

const MOST_RETRIES = 2;

/** What is remembered of a document. */
interface KnownDocument {
  readonly path: string;
  readonly hash: string;
  /** The job that indexes this version of the document. */
  readonly job_id: string;
}

interface KnownDocuments {
  getMany(keys: readonly { path: string }[]): Promise<readonly KnownDocument[]>;
}

interface HashedFile {
  readonly path: string;
  readonly hash: string;
}

/**
 * Gives a job to every file that is new, has changed, or is to be tried again, in place of the job
 * of its old version. To be called with storages inside a transaction, in which the caller stores
 * the documents too, so that neither is ever left without the other.
 *
 * @param again paths whose last job failed, and that are tried anew
 * @returns the files that got a job, in their order
 */
export async function giveJobs<File extends HashedFile, Job extends { readonly path: string }>(
  { documents, jobs }: { readonly documents: KnownDocuments; readonly jobs: JobQueue<Job> },
  files: readonly File[],
  again: ReadonlySet<string>,
  jobOf: (file: File) => Job,
): Promise<{ readonly file: File; readonly jobId: string }[]> {
  const known = await documents.getMany(files.map(({ path }) => ({ path })));
  const byPath = new Map(known.map((document) => [document.path, document]));
  const wanted = files.filter(
    ({ path, hash }) => byPath.get(path)?.hash !== hash || again.has(path),
  );
  for (const { path } of wanted) {
    const old = byPath.get(path);
    if (old !== undefined) await jobs.delete(old.job_id);
  }
  const ids = await jobs.addMany(
    wanted.map((file) => ({
      input: jobOf(file),
      run_after: null,
      completed_at: null,
      max_retries: MOST_RETRIES,
    })),
  );
  return wanted.map((file, i) => ({ file, jobId: String(ids[i]) }));
}
