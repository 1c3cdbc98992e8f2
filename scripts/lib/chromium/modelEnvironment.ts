import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    modelEnvironment: Readonly<Record<string, string | undefined>>;
  }
}

// Where the suites look for how long and from where their random tests search: a page has no
// environment of its own.
Object.assign(globalThis, { process: { env: inject("modelEnvironment") } });
