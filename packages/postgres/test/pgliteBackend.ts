import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import type { Backend } from "@workglow/conformance";
import { pgliteCapabilities, withTransaction } from "@workglow/postgres";
import { storagesOf } from "./postgresBackend.ts";

/** A schema in the embedded database that the cases of a test file share. */
export interface PglitePlace {
  readonly handle: PGlite;
  readonly schema: string;
}

/** It takes a second to make one. */
let shared: { readonly folder: string; database: PGlite } | undefined;

async function sharedDatabase(): Promise<PGlite> {
  if (shared === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "workglow-pglite-"));
    shared = { folder, database: await opened(folder) };
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  return shared.database;
}

const opened = (folder: string): Promise<PGlite> =>
  PGlite.create(folder, { extensions: { vector } });

/** To be called when the cases are through. */
export async function closePglite(): Promise<void> {
  await shared?.database.close();
  if (shared !== undefined) rmSync(shared.folder, { recursive: true, force: true });
  shared = undefined;
}

/** Storages in a schema of their own in a PGlite whose files outlive it. */
export const pgliteBackend: Backend<PglitePlace> = {
  name: "PGlite",
  capabilities: pgliteCapabilities,
  sharesTables: true,
  open: async () => {
    const handle = await sharedDatabase();
    const schema = `case_${randomBytes(6).toString("hex")}`;
    await handle.exec(`CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA ${schema}`);
    return { handle, schema };
  },
  close: async ({ handle, schema }) => {
    await handle.exec(`DROP SCHEMA ${schema} CASCADE`);
  },
  ...storagesOf<PglitePlace>(),
  withTransaction: ({ handle, schema }, fn) => withTransaction(handle, fn, { schema }),
  reopen: async ({ handle, schema }) => {
    await handle.close();
    if (shared === undefined) throw new Error("the database is not open");
    shared.database = await opened(shared.folder);
    return { handle: shared.database, schema };
  },
};
