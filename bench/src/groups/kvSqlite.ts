import KeyvSqlite from "@keyv/sqlite";
import { SqliteKvStorage } from "@workglow/sqlite";
import { createDatabase } from "db0";
import betterSqlite3 from "db0/connectors/better-sqlite3";
import Keyv from "keyv";
import { createStorage } from "unstorage";
import dbDriver from "unstorage/drivers/db0";
import { databaseFile, openDatabase } from "../files.ts";
import { type Contender, concurrently, type Group } from "../measure.ts";
import { type BenchRow, benchRows, numbers } from "../rows.ts";

const KEYS = 10_000;
const GETS = 10_000;
const PUTS = 5_000;

const rows = benchRows(KEYS);

interface KvApi {
  get(key: string): Promise<unknown>;
  put(key: string, value: BenchRow): Promise<unknown>;
}

async function contender(name: string, api: KvApi, close: () => unknown): Promise<Contender> {
  for (const row of rows) await api.put(row.id, row);
  const reads = numbers(GETS, KEYS).map((n) => (rows[n] as BenchRow).id);
  const writes = numbers(PUTS, KEYS, 7).map((n) => rows[n] as BenchRow);
  return {
    name,
    operations: {
      get: {
        run: async () => {
          for (const id of reads) await api.get(id);
          return GETS;
        },
      },
      "put, 32 at once": {
        run: () =>
          concurrently(PUTS, 32, (i) => api.put((writes[i] as BenchRow).id, writes[i] as BenchRow)),
      },
    },
    close: async () => {
      await close();
    },
  };
}

export const kvSqlite: Group = {
  name: "KV, SQLite",
  goals: ["get", "put, 32 at once"].flatMap((operation) =>
    ["keyv", "unstorage"].map((peer) => ({ operation, peer, atLeast: 3 })),
  ),
  async open() {
    const handle = openDatabase("kv-workglow");
    const ours = new SqliteKvStorage<string, BenchRow>(handle, "kv");
    await ours.setupDatabase();

    const keyv = new Keyv({
      store: new KeyvSqlite({ uri: `sqlite://${databaseFile("kv-keyv")}`, wal: true } as never),
    });

    const database = createDatabase(betterSqlite3({ path: databaseFile("kv-unstorage") }));
    await database.exec("PRAGMA journal_mode = WAL");
    await database.exec("PRAGMA synchronous = NORMAL");
    const unstorage = createStorage({ driver: dbDriver({ database }) });

    return [
      await contender("workglow", ours, async () => {
        await ours[Symbol.asyncDispose]();
        handle.close();
      }),
      await contender(
        "keyv",
        {
          get: (key) => keyv.get(key) as Promise<unknown>,
          put: (key, value) => keyv.set(key, value),
        },
        () => keyv.disconnect(),
      ),
      await contender(
        "unstorage",
        {
          get: (key) => unstorage.getItem(key),
          put: (key, value) => unstorage.setItem(key, value as never),
        },
        () => unstorage.dispose(),
      ),
    ];
  },
};
