import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { afterAll, beforeAll } from "vitest";
import { closePglite, pgliteBackend } from "./pgliteBackend.ts";
import { withQueues } from "./postgresQueueBackend.ts";

// On a busy machine it takes longer than a case may.
beforeAll(async () => pgliteBackend.close(await pgliteBackend.open()), 60_000);
for (const suite of queueSuites) describeSuite(suite, withQueues(pgliteBackend));
afterAll(closePglite);
