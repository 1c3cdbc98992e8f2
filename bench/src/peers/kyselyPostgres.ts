import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { CREATE_INDEX, CREATE_TABLE } from "./handWrittenPostgres.ts";
import { OVER_THE_WIRE, tabularContender } from "./tabularApi.ts";

interface Tables {
  users: BenchRow;
}

/** Rows of one statement, so that its parameters stay within the protocol's limit. */
const ROWS_A_STATEMENT = 1000;

const upsert = (db: Kysely<Tables>, rows: readonly BenchRow[]) =>
  db
    .insertInto("users")
    .values(rows)
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

export async function kyselyPostgres(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(CREATE_TABLE);
  await pool.query(CREATE_INDEX);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const users = () => db.selectFrom("users").selectAll();
  return tabularContender(
    "kysely",
    {
      get: (id) => users().where("id", "=", id).executeTakeFirst(),
      put: (row) => upsert(db, [row]),
      putBulk: (rows) =>
        db.transaction().execute(async (tx) => {
          for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
            await upsert(tx, rows.slice(at, at + ROWS_A_STATEMENT));
          }
        }),
      byAge: (age) => users().where("age", "=", age).orderBy("id").execute(),
      byAgeRange: (from, to) =>
        users()
          .where("age", ">=", from)
          .where("age", "<", to)
          .orderBy("age")
          .orderBy("id")
          .limit(100)
          .execute(),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) {
          const page = await users().where("id", ">", after).orderBy("id").limit(100).execute();
          after = page.at(-1)?.id ?? "";
        }
        return pages;
      },
    },
    () => db.destroy(),
    OVER_THE_WIRE,
  );
}
