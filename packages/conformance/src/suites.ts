import type { Suite } from "./harness.ts";
import { kvSuite } from "./kv/kvSuite.ts";
import { modelSuite } from "./model/modelSuite.ts";
import { prefixSuite } from "./prefixes/prefixSuite.ts";
import { queueModelSuite } from "./queue/modelSuite.ts";
import { queueSuite } from "./queue/queueSuite.ts";
import { rateLimiterSuite } from "./rate-limiter/rateLimiterSuite.ts";
import { subscriptionSuite } from "./subscriptions/subscriptionSuite.ts";
import { tabularSuite } from "./tabular/tabularSuite.ts";
import { transactionSuite } from "./transactions/transactionSuite.ts";
import { vectorSuite } from "./vector/vectorSuite.ts";

/** All that a backend of key-value, tabular and vector storage has to pass. */
export const storageSuites: readonly Suite[] = [
  kvSuite,
  tabularSuite,
  vectorSuite,
  subscriptionSuite,
  prefixSuite,
  transactionSuite,
  modelSuite,
];

/** All that a backend of job queues and rate limiters has to pass. */
export const queueSuites: readonly Suite[] = [queueSuite, rateLimiterSuite, queueModelSuite];
