import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { preview } from "vite";

const root = resolve(import.meta.dirname, "../..");
const buildProgram = join(import.meta.dirname, "build.child.ts");

export interface ServedPage extends AsyncDisposable {
  readonly url: string;
  /** Where `test/report/` is served. */
  readonly reportUrl: string;
}

/** Builds the page as it is published, with the tests' own entry beside it, and serves it. */
export async function servePage(): Promise<ServedPage> {
  const outDir = await mkdtemp(join(tmpdir(), "workglow-page-"));
  // In a process of its own, since what it builds depends on NODE_ENV, which is "test" in this one.
  await promisify(execFile)(process.execPath, [buildProgram, outDir], {
    env: { ...process.env, NODE_ENV: "production" },
  });
  const server = await preview({
    root,
    logLevel: "warn",
    build: { outDir },
    preview: { host: "127.0.0.1", port: 0 },
  });
  const url = server.resolvedUrls?.local[0] as string;
  return {
    url,
    reportUrl: new URL("test/report/index.html", url).href,
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
