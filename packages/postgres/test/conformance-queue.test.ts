import { queueSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { postgresBackend } from "./postgresBackend.ts";
import { withQueues } from "./postgresQueueBackend.ts";

const { all } = servers();

for (const server of all) {
  const backend = withQueues(postgresBackend(server));
  for (const suite of queueSuites) describeSuite(suite, backend);
}
