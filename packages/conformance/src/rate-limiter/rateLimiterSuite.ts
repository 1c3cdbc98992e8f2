import type { Suite } from "../harness.ts";
import { rateLimiterStorage } from "../queue/queueRequirements.ts";
import { writable } from "../requirements.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { recordingCases } from "./recording.ts";
import { reservingCases } from "./reserving.ts";
import { tenantCases } from "./tenants.ts";

/** Rate limiters: executions, next times, atomic reservations, tenants, call options, disposal. */
export const rateLimiterSuite: Suite = {
  name: "rate limiter",
  requires: [rateLimiterStorage, writable],
  cases: [...recordingCases, ...reservingCases, ...tenantCases, ...lifecycleCases],
};
