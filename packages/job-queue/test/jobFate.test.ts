import { describe, expect, test } from "vitest";
import { type CutOffJob, fateAfterCrash, JobStatus } from "../src/index.ts";

const crashed = (job: Partial<CutOffJob>) =>
  fateAfterCrash(
    {
      status: JobStatus.PROCESSING,
      run_attempts: 1,
      max_retries: 10,
      crashes: 0,
      backoff: null,
      ...job,
    },
    () => 0.5,
  );

describe("a job whose worker died", () => {
  test("runs again at once after the first crash, in its old place", () => {
    expect(crashed({})).toEqual({ status: "PENDING", delayMs: 0 });
    expect(crashed({ run_attempts: 5 })).toEqual({ status: "PENDING", delayMs: 0 });
  });

  test("waits longer with every further crash, up to a limit", () => {
    const delays = [1, 2, 3, 4, 30].map((crashes) => crashed({ crashes }));
    expect(delays).toEqual(
      [1000, 2000, 4000, 8000, 3_600_000].map((delayMs) => ({ status: "PENDING", delayMs })),
    );
  });

  test("waits as its own backoff says", () => {
    const backoff = { baseMs: 10, factor: 3, maxMs: 100 };
    expect(crashed({ crashes: 3, backoff })).toMatchObject({ delayMs: 90 });
    expect(crashed({ crashes: 4, backoff })).toMatchObject({ delayMs: 100 });
  });

  test("waits a little more or less by chance, never beyond the limit", () => {
    const backoff = { baseMs: 1000, jitter: 0.5, maxMs: 1200 };
    const job = {
      status: JobStatus.PROCESSING,
      run_attempts: 2,
      max_retries: 10,
      crashes: 1,
      backoff,
    };
    expect(fateAfterCrash(job, () => 0)).toMatchObject({ delayMs: 500 });
    expect(fateAfterCrash(job, () => 1)).toMatchObject({ delayMs: 1200 });
  });

  test("is FAILED when it has run 1 + max_retries times", () => {
    expect(crashed({ run_attempts: 11 })).toEqual({
      status: "FAILED",
      error: "Max retries reached",
      error_code: "PermanentJobError",
    });
    expect(crashed({ run_attempts: 1, max_retries: 0 })).toMatchObject({ status: "FAILED" });
    expect(crashed({ run_attempts: 10 })).toMatchObject({ status: "PENDING" });
  });

  test("is FAILED when it was to be aborted", () => {
    expect(crashed({ status: JobStatus.ABORTING })).toEqual({
      status: "FAILED",
      error: "Job aborted",
      error_code: "AbortSignalJobError",
    });
  });
});
