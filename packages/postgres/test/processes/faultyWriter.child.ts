/**
 * Writes without end, noting what has been acknowledged; goes on after transient errors and ends at
 * any other. `faultyWriter.child.ts URL LOG ROUND`
 */
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { isTransient } from "@workglow/util";
import pg from "pg";
import { faultyStorages } from "./faultyStorages.ts";

const [url, log, round] = process.argv.slice(2) as [string, string, string];
appendFileSync(log, "");

// Nobody listens to its errors.
const pool = new pg.Pool({
  connectionString: url,
  max: 4,
  application_name: "faulty",
  connectionTimeoutMillis: 2_000,
});
const { rows, settings } = faultyStorages(pool);
await rows.setupDatabase();
await settings.setupDatabase();

const acknowledge = (kind: string, key: string): void => appendFileSync(log, `${kind} ${key}\n`);

async function puts(n: string): Promise<void> {
  await rows.put({ id: n, bulk: "none", n: 1 });
  acknowledge("row", n);
}

async function bulks(n: string): Promise<void> {
  await rows.putBulk(Array.from({ length: 10 }, (_, i) => ({ id: `${n}.${i}`, bulk: n, n: i })));
  acknowledge("bulk", n);
}

async function transactions(n: string): Promise<void> {
  await rows.transaction(async (tx) => {
    for (let i = 0; i < 10; i++) await tx.put({ id: `${n}.${i}`, bulk: n, n: i });
  });
  acknowledge("bulk", n);
}

async function values(n: string): Promise<void> {
  await settings.put(n, { n });
  acknowledge("setting", n);
}

async function reads(): Promise<void> {
  await rows.query({ n: 7 }, { limit: 3 });
  await settings.get("none");
  await pause(5);
}

async function surviving(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isTransient(error)) throw error;
    await pause(5);
  }
}

process.on("disconnect", () => process.exit(5));
process.send?.("ready");

const kinds = [puts, puts, puts, puts, bulks, transactions, values, values, reads];
await Promise.all(
  kinds.map(async (write, loop) => {
    for (let i = 0; ; i++) await surviving(() => write(`${round}-${loop}-${i}`));
  }),
);
