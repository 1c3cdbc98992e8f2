import { join } from "node:path";
import { build } from "esbuild";

const BENCH = join(import.meta.dirname, "../..");

/** The page's script: the packages' sources as a browser gets them, in production mode. */
export async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: BENCH,
    entryPoints: ["browser/page.ts"],
    bundle: true,
    platform: "browser",
    conditions: ["@workglow/source", "browser"],
    format: "esm",
    target: "es2022",
    // RxDB brings a Dexie of its own, and Dexie refuses to be loaded twice: both get this folder's.
    alias: { dexie: "dexie" },
    define: { "process.env.NODE_ENV": '"production"' },
    write: false,
    logLevel: "error",
  });
  return (outputFiles[0] as { readonly text: string }).text;
}
