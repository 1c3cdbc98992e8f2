import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  hashingEmbedder,
  type Report,
  reportOf,
  searchDocuments,
} from "@workglow/example-document-search-core";
import { JobStatus } from "@workglow/job-queue";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { repositoryDocs, textFiles } from "./files.ts";
import { enqueueDocuments, indexQueued } from "./indexing.ts";
import { BACKENDS, type BackendName, type Library, openLibrary } from "./library.ts";
import { withoutPasswords } from "./withoutPasswords.ts";

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
/** Short, so that a run after a crash need not wait long for the jobs of the dead one. */
const LEASE_MS = 2000;

interface Options {
  readonly dir?: string;
  readonly backend: BackendName;
  readonly db?: string;
  readonly url?: string;
  readonly query: string;
  readonly top: number;
  readonly workers: number;
  readonly json: boolean;
}

async function main(options: Options): Promise<void> {
  const started = performance.now();
  const root = resolve(options.dir ?? REPOSITORY);
  const content = options.dir === undefined ? `the documents of ${root}` : root;
  await using library = await openLibrary({
    backend: options.backend,
    place: options.db ?? defaultPlace(options.backend, content),
    ...(options.url === undefined ? {} : { url: options.url }),
    dimensions: hashingEmbedder.dimensions,
    leaseMs: LEASE_MS,
  });
  await assertSameIndex(library, { embedder: hashingEmbedder.name, content });
  const files = options.dir === undefined ? repositoryDocs(root) : textFiles(root, warn);
  await withProgress("Reading", options.json, (step) =>
    enqueueDocuments(library, files, { onFile: step, onProblem: warn }),
  );
  const pending = await library.jobs.size(JobStatus.PENDING);
  await withProgress(
    "Indexing",
    options.json,
    (step) => indexQueued(library, hashingEmbedder, { workers: options.workers, onJob: step }),
    pending,
  );
  await tellFailures(library);
  const results = await searchDocuments(library, hashingEmbedder, options.query, options.top);
  const seconds = Math.round(performance.now() - started) / 1000;
  const report = await reportOf(library, results, seconds);
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else printReport(report, options.query);
}

/** A database of its own for each folder that is searched. */
function defaultPlace(backend: BackendName, content: string): string {
  const id = createHash("sha256").update(content).digest("hex").slice(0, 12);
  if (backend === "postgres") return `document_search_${id}`;
  return join(REPOSITORY, ".demo", `${id}.${backend}`);
}

/** An index is of one embedder and one folder: vectors and paths of others would mix with them. */
async function assertSameIndex(
  { settings }: Library,
  expected: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, value] of Object.entries(expected)) {
    const stored = await settings.get(name);
    if (stored !== undefined && stored !== value) {
      throw new Error(`This index has the ${name} "${stored}". Delete it, or name another --db.`);
    }
    await settings.put(name, value);
  }
}

function warn(path: string, error: unknown): void {
  console.error(`Left out: ${path} (${error instanceof Error ? error.message : String(error)})`);
}

async function tellFailures({ jobs }: Library): Promise<void> {
  for (const { input, error } of await jobs.peek(JobStatus.FAILED)) {
    console.error(`Failed: ${input.path} (${error ?? "no reason given"})`);
  }
}

async function withProgress(
  label: string,
  quiet: boolean,
  work: (step: () => void) => Promise<void>,
  total = 0,
): Promise<void> {
  if (quiet || !process.stderr.isTTY) return work(() => undefined);
  const format = total > 0 ? `${label} [{bar}] {value}/{total}` : `${label} {value} files`;
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true });
  bar.start(total, 0);
  try {
    await work(() => bar.increment());
  } finally {
    bar.stop();
  }
}

function printReport({ documents, chunks, jobs, results, seconds }: Report, query: string): void {
  console.log(`${documents} documents in ${chunks} chunks (${seconds} s).`);
  console.log(`Jobs: ${jobs.completed} completed, ${jobs.failed} failed, ${jobs.pending} pending.`);
  console.log(`\nNearest to "${query}":`);
  for (const { path, score, text } of results) {
    console.log(`\n  ${score.toFixed(3)}  ${path}`);
    console.log(`         ${text.replace(/\s+/gu, " ").slice(0, 160)}`);
  }
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It is an integer of 1 or more.");
  return value;
}

const program = new Command("document-search")
  .description("Index a folder of text and Markdown files and search it by meaning.")
  .configureOutput({ outputError: (text, write) => write(withoutPasswords(text)) })
  .option("--dir <folder>", "folder to read (default: this repository's docs and READMEs)")
  .addOption(new Option("--backend <name>", "where to store").choices(BACKENDS).default("sqlite"))
  .option(
    "--db <name>",
    "file for sqlite, folder (or memory://) for pglite, schema for postgres (default: one for each --dir)",
  )
  .addOption(new Option("--url <url>", "server for postgres").env("DATABASE_URL"))
  .option("--query <text>", "what to look for", "How does a worker claim a job?")
  .option("--top <n>", "how many documents to show", positiveInteger, 5)
  .option("--workers <n>", "jobs at the same time", positiveInteger, 4)
  .option("--json", "print one JSON object", false)
  .action(main);

program.parseAsync().catch((error: unknown) => {
  console.error(withoutPasswords(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
