import { afterAll } from "bun:test";
import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/bun";
import { closePglite, pgliteBackend } from "../test/pgliteBackend.ts";

for (const suite of storageSuites) describeSuite(suite, pgliteBackend);
afterAll(closePglite);
