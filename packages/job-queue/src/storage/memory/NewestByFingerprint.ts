import { byNumber, type JobRecord } from "../records/JobRecord.ts";
import { OrderedSet } from "./OrderedSet.ts";

/** Which job of a fingerprint was added last. Most fingerprints have one job, and cost no set. */
export class NewestByFingerprint {
  private readonly jobs = new Map<string, JobRecord | OrderedSet<JobRecord>>();

  public get(fingerprint: string): JobRecord | undefined {
    const found = this.jobs.get(fingerprint);
    return found instanceof OrderedSet ? found.last : found;
  }

  public add(job: JobRecord): void {
    const { fingerprint } = job.stored;
    const found = this.jobs.get(fingerprint);
    if (found === undefined) this.jobs.set(fingerprint, job);
    else if (found instanceof OrderedSet) found.add(job);
    else {
      const several = new OrderedSet(byNumber);
      several.add(found);
      several.add(job);
      this.jobs.set(fingerprint, several);
    }
  }

  public remove(job: JobRecord): void {
    const { fingerprint } = job.stored;
    const found = this.jobs.get(fingerprint);
    if (found instanceof OrderedSet) {
      found.delete(job);
      if (found.size > 0) return;
    }
    this.jobs.delete(fingerprint);
  }
}
