import { PostgresTabularStorage } from "@workglow/postgres";
import pg from "pg";
import type { Contender, Goal } from "../measure.ts";
import { drizzlePostgres } from "../peers/drizzlePostgres.ts";
import { handWrittenPostgres } from "../peers/handWrittenPostgres.ts";
import { kyselyPostgres } from "../peers/kyselyPostgres.ts";
import { OVER_THE_WIRE, tabularContender } from "../peers/tabularApi.ts";
import { onServer } from "../postgres/onServer.ts";
import { BenchKey, BenchSchema } from "../rows.ts";

async function workglow(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  const users = new PostgresTabularStorage(pool, "users", BenchSchema, BenchKey, ["age"]);
  await users.setupDatabase();
  return tabularContender(
    "workglow",
    {
      get: (id) => users.get({ id }),
      put: (row) => users.put(row),
      putBulk: (rows) => users.putBulk([...rows]),
      byAge: async (age) => (await users.query({ age })) ?? [],
      byAgeRange: async (from, to) =>
        (await users.query(
          {
            age: [
              { operator: ">=", value: from },
              { operator: "<", value: to },
            ],
          },
          { orderBy: [{ column: "age", direction: "ASC" }], limit: 100 },
        )) ?? [],
      pages: async (pages) => {
        let cursor: string | undefined;
        for (let i = 0; i < pages; i++) {
          cursor = (await users.getPage({ limit: 100, ...(cursor !== undefined && { cursor }) }))
            .nextCursor;
        }
        return pages;
      },
    },
    async () => {
      await users[Symbol.asyncDispose]();
      await pool.end();
    },
    OVER_THE_WIRE,
  );
}

const AT_ONCE = ["get, 32 at once", "put, 32 at once"];

const goals: Goal[] = [
  { operation: "get", peer: "by hand", atLeast: 0.9 },
  { operation: "put", peer: "by hand", atLeast: 0.9 },
  ...AT_ONCE.flatMap((operation) => [
    { operation, peer: "by hand", atLeast: 2.5 },
    { operation, peer: "drizzle", atLeast: 3 },
    { operation, peer: "kysely", atLeast: 3 },
  ]),
  { operation: "putBulk 10k", peer: "by hand", atLeast: 0.8 },
];

export const tabularPostgres = onServer({
  name: "Tabular, PostgreSQL",
  goals,
  open: async (database) => [
    await workglow(await database("workglow")),
    await handWrittenPostgres(await database("by_hand")),
    await kyselyPostgres(await database("kysely")),
    await drizzlePostgres(await database("drizzle")),
  ],
});
