import { after } from "node:test";
import { storageSuites } from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/node";
import { closePglite, pgliteBackend } from "../test/pgliteBackend.ts";

for (const suite of storageSuites) describeSuite(suite, pgliteBackend);
after(closePglite);
