import { and, asc, eq, gt, gte, lt, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { openDatabase } from "../files.ts";
import type { Contender } from "../measure.ts";
import { type BenchRow, COLUMNS } from "../rows.ts";
import { CREATE_INDEX, CREATE_TABLE } from "./handWritten.ts";
import { tabularContender } from "./tabularApi.ts";

const users = sqliteTable("users", {
  id: text().primaryKey(),
  name: text().notNull(),
  email: text().notNull(),
  age: integer().notNull(),
  score: real().notNull(),
  active: integer({ mode: "boolean" }).notNull(),
  created_at: text().notNull(),
  note: text().notNull(),
});

const ROWS_A_STATEMENT = 1000;
const overwrite = Object.fromEntries(
  COLUMNS.slice(1).map((column) => [column, sql.raw(`excluded.${column}`)]),
);

function open(name: string) {
  const handle = openDatabase(name);
  handle.exec(CREATE_TABLE);
  handle.exec(CREATE_INDEX);
  const db = drizzle({ client: handle });
  const upsert = (rows: readonly BenchRow[]) =>
    db
      .insert(users)
      .values([...rows])
      .onConflictDoUpdate({ target: users.id, set: overwrite });
  const putBulk = async (rows: readonly BenchRow[]) =>
    db.transaction((tx) => {
      for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
        tx.insert(users)
          .values(rows.slice(at, at + ROWS_A_STATEMENT))
          .onConflictDoUpdate({ target: users.id, set: overwrite })
          .run();
      }
    });
  return { handle, db, upsert, putBulk };
}

/** drizzle-orm as most code uses it: every query built when it is made. */
export function drizzlePlain(): Promise<Contender> {
  const { handle, db, upsert, putBulk } = open("drizzle");
  return tabularContender(
    "drizzle",
    {
      get: async (id) => db.select().from(users).where(eq(users.id, id)).get(),
      put: async (row) => upsert([row]).run(),
      putBulk,
      byAge: async (age) =>
        db.select().from(users).where(eq(users.age, age)).orderBy(asc(users.id)).all(),
      byAgeRange: async (from, to) =>
        db
          .select()
          .from(users)
          .where(and(gte(users.age, from), lt(users.age, to)))
          .orderBy(asc(users.age), asc(users.id))
          .limit(100)
          .all(),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) {
          const rows = db
            .select()
            .from(users)
            .where(gt(users.id, after))
            .orderBy(asc(users.id))
            .limit(100)
            .all();
          after = rows.at(-1)?.id ?? "";
        }
        return pages;
      },
    },
    () => handle.close(),
  );
}

/** drizzle-orm at its fastest: every query prepared once. */
export function drizzlePrepared(): Promise<Contender> {
  const { handle, db, putBulk } = open("drizzle-prepared");
  const placeholder = (name: string) => sql.placeholder(name);
  const get = db
    .select()
    .from(users)
    .where(eq(users.id, placeholder("id")))
    .prepare();
  const values = Object.fromEntries(COLUMNS.map((column) => [column, placeholder(column)]));
  const put = db
    .insert(users)
    .values(values as never)
    .onConflictDoUpdate({ target: users.id, set: overwrite })
    .prepare();
  const byAge = db
    .select()
    .from(users)
    .where(eq(users.age, placeholder("age")))
    .orderBy(asc(users.id))
    .prepare();
  const byRange = db
    .select()
    .from(users)
    .where(and(gte(users.age, placeholder("from")), lt(users.age, placeholder("to"))))
    .orderBy(asc(users.age), asc(users.id))
    .limit(100)
    .prepare();
  const page = db
    .select()
    .from(users)
    .where(gt(users.id, placeholder("after")))
    .orderBy(asc(users.id))
    .limit(100)
    .prepare();
  return tabularContender(
    "drizzle prepared",
    {
      get: async (id) => get.get({ id }),
      put: async (row) => put.run({ ...row }),
      putBulk,
      byAge: async (age) => byAge.all({ age }),
      byAgeRange: async (from, to) => byRange.all({ from, to }),
      pages: async (pages) => {
        let after = "";
        for (let i = 0; i < pages; i++) after = page.all({ after }).at(-1)?.id ?? "";
        return pages;
      },
    },
    () => handle.close(),
  );
}
