import type { Requirement } from "../harness.ts";

export const queueStorage: Requirement = {
  needs: "a job queue",
  met: (backend) => backend.queue !== undefined,
};

export const rateLimiterStorage: Requirement = {
  needs: "a rate limiter",
  met: (backend) => backend.rateLimiter !== undefined,
};
