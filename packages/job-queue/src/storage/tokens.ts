import { createServiceToken } from "@workglow/util";
import type { IQueueStorage } from "./IQueueStorage.ts";
import type { IRateLimiterStorage } from "./IRateLimiterStorage.ts";

/** The program's queue storage. */
export const QUEUE_STORAGE = createServiceToken<IQueueStorage>("jobqueue.storage");

/** The program's rate limiter storage. */
export const RATE_LIMITER_STORAGE = createServiceToken<IRateLimiterStorage>("ratelimiter.storage");
