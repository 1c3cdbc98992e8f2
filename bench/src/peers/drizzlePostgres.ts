import { and, asc, eq, gt, gte, lt, sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { boolean, doublePrecision, integer, pgTable, text } from "drizzle-orm/pg-core";
import pg from "pg";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { CREATE_INDEX, CREATE_TABLE } from "./handWrittenPostgres.ts";
import { OVER_THE_WIRE, tabularContender } from "./tabularApi.ts";

const users = pgTable("users", {
  id: text().primaryKey(),
  name: text().notNull(),
  email: text().notNull(),
  age: integer().notNull(),
  score: doublePrecision().notNull(),
  active: boolean().notNull(),
  created_at: text().notNull(),
  note: text().notNull(),
});

/** Rows of one statement, so that its parameters stay within the protocol's limit. */
const ROWS_A_STATEMENT = 1000;
const overwrite = Object.fromEntries(
  COLUMNS.slice(1).map((column) => [column, sql.raw(`excluded.${column}`)]),
);

const upsert = (db: Pick<NodePgDatabase, "insert">, rows: readonly BenchRow[]) =>
  db
    .insert(users)
    .values([...rows])
    .onConflictDoUpdate({ target: users.id, set: overwrite });

/** drizzle-orm as most code uses it: every query built when it is made. */
export async function drizzlePostgres(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(CREATE_TABLE);
  await pool.query(CREATE_INDEX);
  const db = drizzle({ client: pool });
  return tabularContender(
    "drizzle",
    {
      get: async (id) => (await db.select().from(users).where(eq(users.id, id)))[0],
      put: async (row) => upsert(db, [row]),
      putBulk: (rows) =>
        db.transaction(async (tx) => {
          for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
            await upsert(tx, rows.slice(at, at + ROWS_A_STATEMENT));
          }
        }),
      byAge: async (age) =>
        db.select().from(users).where(eq(users.age, age)).orderBy(asc(users.id)),
      byAgeRange: async (from, to) =>
        db
          .select()
          .from(users)
          .where(and(gte(users.age, from), lt(users.age, to)))
          .orderBy(asc(users.age), asc(users.id))
          .limit(100),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) {
          const page = db.select().from(users).where(gt(users.id, after));
          after = (await page.orderBy(asc(users.id)).limit(100)).at(-1)?.id ?? "";
        }
        return pages;
      },
    },
    () => pool.end(),
    OVER_THE_WIRE,
  );
}
