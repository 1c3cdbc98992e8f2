import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build as esbuild } from "esbuild";
import { createLogger, type Rolldown, build as vite } from "vite";
import webpack, { type Stats, type StatsModule } from "webpack";

export interface Bundle {
  /** What the browser loads. */
  readonly chunks: readonly string[];
  /** The modules in it, as the tool names them: paths, or its own words for stand-ins. */
  readonly modules: readonly string[];
  /** The tool's errors and warnings. */
  readonly complaints: readonly string[];
}

/**
 * Bundles a module for browsers as the tool does it by default: without configuration, polyfills
 * or aliases.
 *
 * @param entry a path; packages are looked for beside it and above
 */
export type Bundler = (entry: string) => Promise<Bundle>;

export const bundlers: Readonly<Record<"esbuild" | "Vite" | "webpack", Bundler>> = {
  esbuild: bundleWithEsbuild,
  Vite: bundleWithVite,
  webpack: bundleWithWebpack,
};

const failed = (complaints: readonly string[]): Bundle => ({ chunks: [], modules: [], complaints });

async function bundleWithEsbuild(entry: string): Promise<Bundle> {
  try {
    const { outputFiles, metafile, warnings } = await esbuild({
      absWorkingDir: dirname(entry),
      entryPoints: [entry],
      bundle: true,
      platform: "browser",
      format: "esm",
      minify: true,
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    return {
      chunks: outputFiles.map(({ text }) => text),
      modules: Object.keys(metafile.inputs),
      complaints: warnings.map(({ text }) => text),
    };
  } catch (error) {
    return failed([(error as Error).message]);
  }
}

async function bundleWithVite(entry: string): Promise<Bundle> {
  const complaints: string[] = [];
  const customLogger = createLogger("silent");
  customLogger.warn = (message) => void complaints.push(message);
  customLogger.warnOnce = customLogger.warn;
  try {
    const output = await vite({
      root: dirname(entry),
      configFile: false,
      customLogger,
      logLevel: "silent",
      build: {
        write: false,
        // A limit of ours watches the sizes.
        chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
        rolldownOptions: { input: entry },
      },
    });
    const chunks = (output as Rolldown.RolldownOutput).output.filter(
      (file) => file.type === "chunk",
    );
    return {
      chunks: chunks.map(({ code }) => code),
      modules: chunks.flatMap(({ moduleIds }) => moduleIds),
      complaints,
    };
  } catch (error) {
    return failed([...complaints, (error as Error).message]);
  }
}

async function bundleWithWebpack(entry: string): Promise<Bundle> {
  const path = mkdtempSync(join(tmpdir(), "workglow-webpack-"));
  try {
    const stats = await runWebpack({
      context: dirname(entry),
      entry,
      mode: "production",
      output: { path },
      performance: false,
    });
    const { modules, errors, warnings } = stats.toJson({
      all: false,
      errors: true,
      warnings: true,
      modules: true,
      nestedModules: true,
      modulesSpace: Number.POSITIVE_INFINITY,
      nestedModulesSpace: Number.POSITIVE_INFINITY,
    });
    const complaints = [...(errors ?? []), ...(warnings ?? [])].map(({ message }) => message);
    if (stats.hasErrors()) return failed(complaints);
    const files = stats.compilation.getAssets().map(({ name }) => join(path, name));
    return {
      chunks: files.map((file) => readFileSync(file, "utf8")),
      modules: (modules ?? []).flatMap(modulesIn),
      complaints,
    };
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

async function runWebpack(configuration: webpack.Configuration): Promise<Stats> {
  const compiler = webpack(configuration);
  if (compiler === null) throw new Error("webpack makes no compiler.");
  return new Promise<Stats>((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close((closing) => {
        if (stats === undefined || error || closing) reject(error ?? closing);
        else resolve(stats);
      });
    });
  });
}

/** A module, or the modules that webpack has joined to it. */
function modulesIn({ modules, nameForCondition, identifier }: StatsModule): string[] {
  if (modules !== undefined) return modules.flatMap(modulesIn);
  return [nameForCondition ?? identifier ?? ""];
}
