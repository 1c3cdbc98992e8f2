import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/bun";
import { sqliteBackend } from "../test/sqliteBackend.ts";

for (const suite of storageSuites) describeSuite(suite, sqliteBackend("bun:sqlite"));
