import { builtinModules } from "node:module";
import { createContext, Script } from "node:vm";
import { build } from "esbuild";
import type { Bundle } from "./bundlers.ts";

/** Modules that stand for each other, by the place where the code runs. */
export interface ModulesByPlace {
  /** Ends of paths that have to be in a browser's bundle. */
  readonly browser: readonly string[];
  /** Ends of paths that have no place in it. */
  readonly elsewhere: readonly string[];
}

/** What keeps a bundle from being one for browsers; nothing where it is. */
export async function problemsOf(bundle: Bundle, byPlace: ModulesByPlace): Promise<string[]> {
  const complaints = bundle.complaints.map((complaint) => `the tool says: ${complaint.trim()}`);
  if (bundle.chunks.length === 0) return [...complaints, "there is no output"];
  const problems = [
    ...complaints,
    ...standIns(bundle.modules),
    ...wrongPlaces(bundle.modules, byPlace),
  ];
  for (const chunk of bundle.chunks) {
    problems.push(...builtinNames(chunk), ...(await problemsOfChunk(chunk)));
  }
  return problems;
}

const PACKAGE = /.*[\\/]node_modules[\\/](?<name>(?:@[^\\/]+[\\/])?[^\\/]+)/u;
const POLYFILL = /browserify|polyfill|^(?:readable-stream|safe-buffer|domain-browser)$/u;
/** How the tools name an empty module that they put in a missing one's place. */
const EMPTY_MODULE = /__vite-browser-external|^\(disabled\):|^ignored\|/u;

function standIns(modules: readonly string[]): string[] {
  const empty = modules.filter((module) => EMPTY_MODULE.test(module));
  const packages = new Set(modules.map((module) => PACKAGE.exec(module)?.groups?.name ?? ""));
  const polyfills = [...packages].filter(
    (name) => builtinModules.includes(name) || POLYFILL.test(name),
  );
  return [
    ...empty.map((module) => `an empty module stands in: ${module}`),
    ...polyfills.map((name) => `a polyfill is in it: ${name}`),
  ];
}

function wrongPlaces(modules: readonly string[], { browser, elsewhere }: ModulesByPlace): string[] {
  const paths = modules.map((module) => module.replaceAll("\\", "/"));
  const holds = (end: string) => paths.some((path) => path.endsWith(end));
  return [
    ...browser.filter((end) => !holds(end)).map((end) => `the browser's module is missing: ${end}`),
    ...elsewhere.filter(holds).map((end) => `a module for another place is in it: ${end}`),
  ];
}

/** Node gives its modules to `process.getBuiltinModule` too, which no bundler looks into. */
function builtinNames(chunk: string): string[] {
  const names = new Set(chunk.match(/(?<=["'`])node:[a-z_/]+(?=["'`])/gu));
  return [...names].map((name) => `it names ${name}`);
}

async function problemsOfChunk(chunk: string): Promise<string[]> {
  const imported = new Set<string>();
  try {
    const { outputFiles } = await build({
      stdin: { contents: chunk },
      bundle: true,
      write: false,
      format: "iife",
      logLevel: "silent",
      plugins: [
        {
          name: "imports",
          setup: ({ onResolve }) =>
            onResolve({ filter: /.*/ }, ({ kind, path }) => {
              if (kind === "entry-point") return undefined;
              imported.add(path);
              return { path, external: true };
            }),
        },
      ],
    });
    if (imported.size > 0) return [...imported].map((path) => `it still imports ${path}`);
    runWithoutNode(outputFiles[0]?.text ?? "");
    return [];
  } catch (error) {
    return [`it does not load: ${(error as Error).message}`];
  }
}

/** Runs a script with globals that windows and all kinds of workers have, and none of Node's own. */
function runWithoutNode(script: string): void {
  const {
    AbortController,
    AbortSignal,
    BroadcastChannel,
    crypto,
    Event,
    EventTarget,
    MessageChannel,
    performance,
    queueMicrotask,
    structuredClone,
    TextDecoder,
    TextEncoder,
    URL,
  } = globalThis;
  const web = {
    ...{ AbortController, AbortSignal, BroadcastChannel, crypto, Event, EventTarget, URL },
    ...{ MessageChannel, performance, queueMicrotask, structuredClone, TextDecoder, TextEncoder },
    ...{ clearInterval, clearTimeout, console, setInterval, setTimeout },
  };
  new Script(script, { filename: "bundle.js" }).runInContext(createContext(web));
}
