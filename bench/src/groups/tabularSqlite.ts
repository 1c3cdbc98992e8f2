import { SqliteTabularStorage } from "@workglow/sqlite";
import { openDatabase } from "../files.ts";
import type { Contender, Goal, Group } from "../measure.ts";
import { drizzlePlain, drizzlePrepared } from "../peers/drizzlePeers.ts";
import { handWritten } from "../peers/handWritten.ts";
import { kyselyPeer } from "../peers/kyselyPeer.ts";
import { tabularContender } from "../peers/tabularApi.ts";
import { BenchKey, BenchSchema } from "../rows.ts";

async function workglow(): Promise<Contender> {
  const handle = openDatabase("tabular-workglow");
  const users = new SqliteTabularStorage(handle, "users", BenchSchema, BenchKey, ["age"]);
  await users.setupDatabase();
  return tabularContender(
    "workglow",
    {
      get: (id) => users.get({ id }),
      put: (row) => users.put(row),
      putBulk: (rows) => users.putBulk(rows),
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
      handle.close();
    },
  );
}

const OTHERS = [
  "get, 32 at once",
  "put",
  "put, 32 at once",
  "putBulk 10k",
  "query by index",
  "range, 100 rows",
  "keyset pages",
];

const goals: Goal[] = [
  { operation: "get", peer: "by hand", atLeast: 0.7 },
  { operation: "put, 32 at once", peer: "by hand", atLeast: 1.5 },
  { operation: "putBulk 10k", peer: "by hand", atLeast: 0.6 },
  ...["kysely", "drizzle"].flatMap((peer) => [
    { operation: "get", peer, atLeast: 4 },
    ...OTHERS.map((operation) => ({
      operation,
      peer,
      atLeast: operation.startsWith("get") ? 4 : 2,
    })),
  ]),
  ...["get", ...OTHERS].map((operation) => ({ operation, peer: "drizzle prepared", atLeast: 0.8 })),
];

export const tabularSqlite: Group = {
  name: "Tabular, SQLite",
  goals,
  open: async () => [
    await workglow(),
    await handWritten(),
    await kyselyPeer(),
    await drizzlePlain(),
    await drizzlePrepared(),
  ],
};
