import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Backend, RemoteWork, StorageCallResult } from "@workglow/conformance";
import {
  type PostgresHandle,
  PostgresKvStorage,
  PostgresTabularStorage,
  PostgresVectorStorage,
  postgresCapabilities,
  withTransaction,
} from "@workglow/postgres";
import { typedArrayConstructors } from "@workglow/util/schema";
import pg from "pg";
import type { TestServer } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

/** A schema, and the pool that the case uses. */
export interface PostgresPlace {
  readonly url: string;
  readonly handle: pg.Pool;
  readonly schema: string;
  /** Gone with the pool that made it. */
  readonly owned: Fresh | undefined;
}

const WORKER = fileURLToPath(new URL("./postgresWorker.child.ts", import.meta.url));

/** Storages in a schema of their own on a real server. */
export function postgresBackend({ title, url, hasVector }: TestServer): Backend<PostgresPlace> {
  const { vector, ...storages } = storagesOf<PostgresPlace>();
  const opened = (schema: string, owned?: Fresh): PostgresPlace => ({
    url,
    schema,
    owned,
    handle: new pg.Pool({ connectionString: url, max: 8 }),
  });
  return {
    name: title,
    capabilities: postgresCapabilities,
    sharesTables: true,
    open: async () => {
      const owned = await freshSchema(url);
      return opened(owned.name, owned);
    },
    close: async ({ handle, owned }) => {
      await handle.end();
      await owned?.drop();
    },
    ...storages,
    ...(hasVector && { vector }),
    withTransaction: ({ handle, schema }, fn) => withTransaction(handle, fn, { schema }),
    reopen: async ({ handle, schema, owned }) => {
      await handle.end();
      return opened(schema, owned);
    },
    connect: ({ schema }) => opened(schema),
    inOtherProcess: (place, work) => inChild(place, work),
  };
}

/** The constructors, as a test and the process that it forks use them. */
export function storagesOf<
  Database extends { readonly handle: PostgresHandle; readonly schema: string },
>() {
  return {
    kv: ({ handle, schema }, { table, keyType, options }) =>
      new PostgresKvStorage(handle, table, { type: keyType }, undefined, { ...options, schema }),
    tabular: ({ handle, schema: app }, { table, schema, primaryKey, indexes, options }) =>
      new PostgresTabularStorage(handle, table, schema, primaryKey, indexes, {
        ...options,
        schema: app,
      }),
    vector: (
      { handle, schema: app },
      { table, schema, primaryKey, indexes, dimensions, vectorType, options },
    ) =>
      new PostgresVectorStorage(
        handle,
        table,
        schema,
        primaryKey,
        indexes,
        dimensions,
        vectorType && typedArrayConstructors[vectorType],
        { ...options, schema: app },
      ),
  } satisfies Pick<Backend<Database>, "kv" | "tabular" | "vector">;
}

/** Forks a process, hands it the work and gives back what it answers. */
function inChild(
  { url, schema }: PostgresPlace,
  work: RemoteWork,
): Promise<readonly StorageCallResult[]> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, [url, schema], {
      execArgv: ["--conditions=@workglow/source"],
      serialization: "advanced",
    });
    child.once("message", (results) => resolve(results as readonly StorageCallResult[]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the other process ended with code ${code}`)));
    child.send(work);
  });
}
