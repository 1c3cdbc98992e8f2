/**
 * Writes to `notes` past the library, in transactions of random length, some of them rolled back,
 * whole or in part; each notes in the table `oracle` what it has done.
 * `changeWriter.child.ts URL SCHEMA TRANSACTIONS SEED`
 */
import pg from "pg";

const [url, schema, transactions, seed] = process.argv.slice(2);
const ROWS = 40;

let state = Number(seed);
/** A number below `bound`, the same in every run. */
function random(bound: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
}

const client = new pg.Client({ connectionString: url });
await client.connect();
await client.query(`SET search_path = ${schema}`);

/** One statement on a few rows, and what it did to each of them. */
async function write(ids: readonly string[]): Promise<void> {
  const list = ids.map((id) => `'${id}'`).join(", ");
  const done =
    random(4) === 0
      ? `DELETE FROM notes WHERE id IN (${list}) RETURNING 'DELETE' AS kind, id, size AS version`
      : `INSERT INTO notes SELECT id, 'x', nextval('versions') FROM unnest(ARRAY[${list}]) id
         ON CONFLICT (id) DO UPDATE SET size = nextval('versions')
         RETURNING 'PUT', id, size`;
  await client.query(`WITH done AS (${done}) INSERT INTO oracle SELECT * FROM done`);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function transaction(): Promise<void> {
  await client.query("BEGIN");
  const chosen = [...new Set(Array.from({ length: 1 + random(5) }, () => random(ROWS)))];
  chosen.sort((a, b) => a - b);
  while (chosen.length > 0) {
    const ids = chosen.splice(0, 1 + random(3)).map((row) => `r${row}`);
    const undone = random(8) === 0;
    if (undone) await client.query("SAVEPOINT part");
    await write(ids);
    if (undone) await client.query("ROLLBACK TO SAVEPOINT part");
    if (random(3) === 0) await pause(random(4));
  }
  await client.query(random(6) === 0 ? "ROLLBACK" : "COMMIT");
}

const DEADLOCK = "40P01";

for (let n = 0; n < Number(transactions); n++) {
  try {
    await transaction();
  } catch (error) {
    if ((error as { code?: unknown }).code !== DEADLOCK) throw error;
    await client.query("ROLLBACK");
  }
}
await client.end();
process.exit(0);
