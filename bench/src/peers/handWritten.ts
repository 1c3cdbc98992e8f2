import { openDatabase } from "../files.ts";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { tabularContender } from "./tabularApi.ts";

export const CREATE_TABLE = `CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
  age INTEGER NOT NULL, score REAL NOT NULL, active INTEGER NOT NULL, created_at TEXT NOT NULL, note TEXT NOT NULL)`;
export const CREATE_INDEX = "CREATE INDEX users_age ON users (age, id)";

interface RawRow extends Omit<BenchRow, "active"> {
  active: number;
}

const toRow = (raw: RawRow): BenchRow => ({ ...raw, active: raw.active === 1 });

/** What a careful programmer writes on better-sqlite3: statements prepared once, typed rows out. */
export function handWritten(): Promise<Contender> {
  const db = openDatabase("hand-written");
  db.exec(CREATE_TABLE);
  db.exec(CREATE_INDEX);
  const updates = COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`);
  const upsert = db.prepare(
    `INSERT INTO users (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})
     ON CONFLICT (id) DO UPDATE SET ${updates.join(", ")}`,
  );
  const get = db.prepare<[string], RawRow>("SELECT * FROM users WHERE id = ?");
  const byAge = db.prepare<[number], RawRow>("SELECT * FROM users WHERE age = ? ORDER BY id");
  const byRange = db.prepare<[number, number], RawRow>(
    "SELECT * FROM users WHERE age >= ? AND age < ? ORDER BY age, id LIMIT 100",
  );
  const page = db.prepare<[string], RawRow>(
    "SELECT * FROM users WHERE id > ? ORDER BY id LIMIT 100",
  );
  const put = (row: BenchRow) =>
    upsert.run(
      row.id,
      row.name,
      row.email,
      row.age,
      row.score,
      row.active ? 1 : 0,
      row.created_at,
      row.note,
    );
  const putAll = db.transaction((rows: readonly BenchRow[]) => {
    for (const row of rows) put(row);
  });
  return tabularContender(
    "by hand",
    {
      get: async (id) => {
        const raw = get.get(id);
        return raw && toRow(raw);
      },
      put: async (row) => put(row),
      putBulk: async (rows) => putAll(rows),
      byAge: async (age) => byAge.all(age).map(toRow),
      byAgeRange: async (from, to) => byRange.all(from, to).map(toRow),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) after = page.all(after).map(toRow).at(-1)?.id ?? "";
        return pages;
      },
    },
    () => db.close(),
  );
}
