import { inject } from "vitest";

/** A server that the run started, or that WORKGLOW_POSTGRES_URL names. */
export interface TestServer {
  /** Short, for the names of tests: "debian", "embedded" or "given". */
  readonly name: string;
  /** For people, such as "PostgreSQL 17 with pgvector (Debian)". */
  readonly title: string;
  /** The test database as superuser. On servers of ours it sorts strings by ICU's English rules. */
  readonly url: string;
  /** Whether the test database has the extension `vector`, in the schema `public`. */
  readonly hasVector: boolean;
}

export interface TestServers {
  /** Only where the tests run as root with apt, or with WORKGLOW_POSTGRES_URL; always in CI. */
  readonly main: TestServer | undefined;
  /** On every machine; without pgvector. */
  readonly embedded: TestServer;
  /** All that there are, `main` first. */
  readonly all: readonly TestServer[];
}

declare module "vitest" {
  interface ProvidedContext {
    postgresServers: TestServers;
  }
}

/**
 * The servers of this run.
 *
 * @throws Error in a project that vitest.workspace.ts does not start them for
 */
export function servers(): TestServers {
  const provided = inject("postgresServers");
  if (provided === undefined) {
    throw new Error("vitest.workspace.ts starts no PostgreSQL servers for this project.");
  }
  return provided;
}
