import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { afterAll } from "vitest";
import { closePglite, pgliteBackend } from "./pgliteBackend.ts";

for (const suite of storageSuites) describeSuite(suite, pgliteBackend);
afterAll(closePglite);
