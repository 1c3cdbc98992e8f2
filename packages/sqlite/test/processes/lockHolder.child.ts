import { setTimeout as pause } from "node:timers/promises";
import BetterSqlite3 from "better-sqlite3";

// Holds the write lock of a file for so many milliseconds; tells when it has it and when it is free.
const [path, ms] = process.argv.slice(2) as [string, string];

const db = new BetterSqlite3(path);
db.exec("BEGIN IMMEDIATE");
process.send?.("locked");
await pause(Number(ms));
db.exec("COMMIT");
db.close();
process.send?.("released");
process.disconnect?.();
