/**
 * Writes without end, noting in an append-only log what has been acknowledged.
 * `writer.child.ts FILE LOG ROUND`
 */
import { appendFileSync } from "node:fs";
import { Sqlite } from "@workglow/sqlite";
import { storagesOn } from "./storages.ts";

const [file, log, round] = process.argv.slice(2) as [string, string, string];
const { documents, chunks, settings, queue, setUp } = storagesOn(new Sqlite.Database(file));
await setUp();

const acknowledge = (kind: string, key: string): void => appendFileSync(log, `${kind} ${key}\n`);
const vector = new Float32Array([1, 2, 3]);

async function puts(n: string): Promise<void> {
  await documents.put({ path: n, size: 1 });
  acknowledge("document", n);
}

async function bulks(n: string): Promise<void> {
  const places = Array.from({ length: 10 }, (_, place) => ({ path: n, place, vector }));
  await chunks.putBulk(places);
  acknowledge("chunks", n);
}

async function values(n: string): Promise<void> {
  await settings.put(n, { n });
  acknowledge("setting", n);
}

async function jobs(n: string): Promise<void> {
  await queue.add({ input: n, run_after: null, completed_at: null });
  acknowledge("job", n);
}

async function completions(): Promise<void> {
  const job = await queue.next(`writer ${round}`);
  if (job === undefined) return;
  await queue.complete({ ...job, status: "COMPLETED", output: job.input });
  acknowledge("completed", job.input);
}

process.send?.("ready");
const loops = [puts, bulks, values, jobs, completions].map(async (write) => {
  for (let i = 0; ; i++) await write(`${round}-${i}`);
});
await Promise.all(loops);
