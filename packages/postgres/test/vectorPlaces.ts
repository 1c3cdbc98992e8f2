import { randomBytes } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { chunkSchema } from "@workglow/conformance";
import {
  type PostgresHandle,
  type PostgresVectorOptions,
  PostgresVectorStorage,
} from "@workglow/postgres";
import pg from "pg";
import { onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { freshSchema } from "./servers/fresh.ts";

/** A schema of its own in a database with pgvector. */
export interface VectorPlace {
  readonly handle: PostgresHandle;
  readonly schema: string;
  /** Runs a statement beside the library. */
  rows(text: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
}

export interface VectorPlaceKind {
  readonly title: string;
  /** Gone with the test. */
  open(): Promise<VectorPlace>;
}

/** It takes seconds to make one, which ends with the process. */
const embedded = await PGlite.create({ extensions: { vector } });

const pglite: VectorPlaceKind = {
  title: "PGlite",
  open: async () => {
    const schema = `place_${randomBytes(6).toString("hex")}`;
    await embedded.exec(`CREATE SCHEMA ${schema}`);
    onTestFinished(() => embedded.exec(`DROP SCHEMA ${schema} CASCADE`).then(() => undefined));
    return {
      handle: embedded,
      schema,
      rows: async (text, params) => (await embedded.query(text, params)).rows as never,
    };
  },
};

const onServers = servers()
  .all.filter(({ hasVector }) => hasVector)
  .map(
    ({ title, url }): VectorPlaceKind => ({
      title,
      open: async () => {
        const schema = await freshSchema(url);
        const handle = new pg.Pool({ connectionString: url, max: 4 });
        onTestFinished(async () => {
          await handle.end();
          await schema.drop();
        });
        return {
          handle,
          schema: schema.name,
          rows: async (text, params) => (await handle.query(text, params as never)).rows,
        };
      },
    }),
  );

/** Every database with pgvector that this run has. */
export const vectorPlaces: readonly VectorPlaceKind[] = [pglite, ...onServers];

export type ChunkOptions = PostgresVectorOptions & {
  readonly table?: string;
  readonly dimensions?: number;
};

/** A storage of chunks that is still to be set up. */
export function chunksOn(
  { handle, schema }: Pick<VectorPlace, "handle" | "schema">,
  { table = "chunks", dimensions = 2, ...options }: ChunkOptions = {},
) {
  return new PostgresVectorStorage(
    handle,
    table,
    chunkSchema,
    ["id"] as const,
    [],
    dimensions,
    undefined,
    { schema, ...options },
  );
}

/** The same, set up. */
export async function chunkStorage(
  place: Pick<VectorPlace, "handle" | "schema">,
  options?: ChunkOptions,
) {
  const storage = chunksOn(place, options);
  await storage.setupDatabase();
  return storage;
}

export const vec = (...components: number[]): Float32Array<ArrayBuffer> =>
  Float32Array.from(components);

export const ids = (found: readonly { readonly id: unknown }[]): unknown[] =>
  found.map(({ id }) => id);

/** Vectors in the cube from -1 to 1, the same for the same seed. */
export function randomVectors(
  count: number,
  dimensions: number,
  seed: number,
): Float32Array<ArrayBuffer>[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, next));
}
