import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { postgresBackend } from "./postgresBackend.ts";

const { all } = servers();

for (const server of all) {
  const backend = postgresBackend(server);
  for (const suite of storageSuites) describeSuite(suite, backend);
}
