/**
 * Reserves executions as fast as it can, until it has been refused often enough.
 * `reserve.child.ts FILE MAX`; sends how many it was granted.
 */
import { Sqlite } from "@workglow/sqlite";
import { SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";

const [file, max] = process.argv.slice(2) as [string, string];
const limiter = new SqliteRateLimiterStorage(new Sqlite.Database(file));
await limiter.setupDatabase();

process.once("message", async () => {
  let granted = 0;
  const tries = Array.from({ length: 10 }, async () => {
    for (let i = 0; i < 20; i++) {
      const token = await limiter.tryReserveExecution("api", Number(max), 3_600_000);
      if (token !== null) granted++;
      // Some places are given back, and may be taken again by anyone.
      if (token !== null && i % 4 === 0) {
        granted--;
        await limiter.releaseExecution("api", token);
      }
    }
  });
  await Promise.all(tries);
  process.send?.({ granted });
  process.disconnect();
});
process.send?.("ready");
