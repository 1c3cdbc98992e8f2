import { build } from "esbuild";

const bundles = new Map<string, Promise<string>>();

/**
 * A program for a page or a worker with all that it imports, as one ES module. Packages of this
 * repository are taken from their sources, with what browsers get of them.
 *
 * @param path of its TypeScript file
 */
export function bundleProgram(path: string): Promise<string> {
  const known = bundles.get(path);
  if (known !== undefined) return known;
  const bundle = bundled(path);
  bundles.set(path, bundle);
  return bundle;
}

async function bundled(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    conditions: ["@workglow/source", "browser", "module"],
    sourcemap: "inline",
    write: false,
    logLevel: "silent",
  });
  return outputFiles.map(({ text }) => text).join("");
}
