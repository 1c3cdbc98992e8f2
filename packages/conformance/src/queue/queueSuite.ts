import type { Suite } from "../harness.ts";
import { writable } from "../requirements.ts";
import { abortingCases } from "./aborting.ts";
import { addingCases } from "./adding.ts";
import { changeCases } from "./changes.ts";
import { claimingCases } from "./claiming.ts";
import { cleanupCases } from "./cleanup.ts";
import { completingCases } from "./completing.ts";
import { eventCases } from "./events.ts";
import { fencingCases } from "./fencing.ts";
import { handingOverCases } from "./handingOver.ts";
import { leaseCases } from "./leases.ts";
import { lifecycleCasesOfQueues } from "./lifecycle.ts";
import { outputCases } from "./outputs.ts";
import { progressCases } from "./progress.ts";
import { queueStorage } from "./queueRequirements.ts";
import { readingCases } from "./reading.ts";
import { refusingCases } from "./refusing.ts";
import { releasingCases } from "./releasing.ts";
import { subscriberCases } from "./subscribers.ts";
import { tenantCases } from "./tenants.ts";
import { timeoutCases } from "./timeouts.ts";
import { transactionCases } from "./transactions.ts";

/**
 * Job queues: adding, claiming, ending and fencing of attempts, leases, aborts, progress, outputs,
 * clean-up, tenants, changes, events, transactions, call options, set-up and disposal.
 */
export const queueSuite: Suite = {
  name: "job queue",
  requires: [queueStorage, writable],
  cases: [
    ...addingCases,
    ...refusingCases,
    ...claimingCases,
    ...completingCases,
    ...fencingCases,
    ...handingOverCases,
    ...releasingCases,
    ...abortingCases,
    ...progressCases,
    ...leaseCases,
    ...timeoutCases,
    ...readingCases,
    ...outputCases,
    ...cleanupCases,
    ...tenantCases,
    ...changeCases,
    ...subscriberCases,
    ...eventCases,
    ...transactionCases,
    ...lifecycleCasesOfQueues,
  ],
};
