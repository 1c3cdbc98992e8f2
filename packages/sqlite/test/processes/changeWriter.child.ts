/**
 * Writes to `notes` one committed change after the other, as another program would: past the
 * library. `changeWriter.child.ts FILE FIRST COUNT`; every change is determined by its number.
 */
import Database from "better-sqlite3";

const [file, first, count] = process.argv.slice(2);
const db = new Database(String(file));
db.pragma("busy_timeout = 10000");
db.pragma("synchronous = NORMAL");

const insert = db.prepare("INSERT INTO notes VALUES (?, ?, ?)");
const upsert = db.prepare(
  "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body, size = excluded.size",
);
const update = db.prepare("UPDATE notes SET body = ?, size = ? WHERE id = ?");
const remove = db.prepare("DELETE FROM notes WHERE id = ?");

process.send?.("ready");
for (let n = Number(first); n < Number(first) + Number(count); n++) {
  const id = `n${Math.floor(n / 4)}`;
  if (n % 4 === 0) insert.run(id, `v${n}`, n);
  else if (n % 4 === 1) upsert.run(id, `v${n}`, n);
  else if (n % 4 === 2) update.run(`v${n}`, n, id);
  // Every other row stays.
  else if (n % 8 === 3) remove.run(id);
}
db.close();
process.exit(0);
