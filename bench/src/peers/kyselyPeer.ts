import { Kysely, SqliteDialect } from "kysely";
import { openDatabase } from "../files.ts";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { CREATE_INDEX, CREATE_TABLE } from "./handWritten.ts";
import { tabularContender } from "./tabularApi.ts";

interface Tables {
  users: Omit<BenchRow, "active"> & { active: number };
}

/** Rows of one statement, so that its parameters stay within SQLite's limit. */
const ROWS_A_STATEMENT = 1000;

export function kyselyPeer(): Promise<Contender> {
  const handle = openDatabase("kysely");
  handle.exec(CREATE_TABLE);
  handle.exec(CREATE_INDEX);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: handle }) });
  const encoded = (row: BenchRow) => ({ ...row, active: row.active ? 1 : 0 });
  const upsert = (on: Kysely<Tables>, rows: readonly BenchRow[]) =>
    on
      .insertInto("users")
      .values(rows.map(encoded))
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet((eb) =>
            Object.fromEntries(
              COLUMNS.slice(1).map((column) => [column, eb.ref(`excluded.${column}`)]),
            ),
          ),
      )
      .execute();
  return tabularContender(
    "kysely",
    {
      get: (id) => db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst(),
      put: (row) => upsert(db, [row]),
      putBulk: (rows) =>
        db.transaction().execute(async (tx) => {
          for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
            await upsert(tx, rows.slice(at, at + ROWS_A_STATEMENT));
          }
        }),
      byAge: (age) =>
        db.selectFrom("users").selectAll().where("age", "=", age).orderBy("id").execute(),
      byAgeRange: (from, to) =>
        db
          .selectFrom("users")
          .selectAll()
          .where("age", ">=", from)
          .where("age", "<", to)
          .orderBy("age")
          .orderBy("id")
          .limit(100)
          .execute(),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) {
          const rows = await db
            .selectFrom("users")
            .selectAll()
            .where("id", ">", after)
            .orderBy("id")
            .limit(100)
            .execute();
          after = rows.at(-1)?.id ?? "";
        }
        return pages;
      },
    },
    () => db.destroy(),
  );
}
