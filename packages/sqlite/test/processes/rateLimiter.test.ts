import { SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { kept, opened, pause, STRESS, scratchFile } from "./scratch.ts";

const MAX = 25;

describe("four processes that reserve executions of one limit", () => {
  for (let round = 0; round < 2 * STRESS; round++) {
    it("never get more than it allows together, and not less", async () => {
      const file = scratchFile();
      const limiter = kept(new SqliteRateLimiterStorage(opened(file)));
      await limiter.setupDatabase();
      const children = Array.from({ length: 4 }, () => new Child("reserve", file, MAX));
      await Promise.all(children.map((child) => child.message()));
      for (const child of children) child.send("go");
      let most = 0;
      let running = true;
      const watching = (async () => {
        while (running) {
          most = Math.max(most, await limiter.getExecutionCount("api", "2000-01-01T00:00:00Z"));
          // Reads resolve at once: without a pause nothing else would get its turn.
          await pause(1);
        }
      })();
      const answers = await Promise.all(
        children.map((child) => child.message<{ granted: number }>()),
      );
      running = false;
      await watching;
      const granted = answers.reduce((sum, answer) => sum + answer.granted, 0);
      expect(most).toBeLessThanOrEqual(MAX);
      expect(granted).toBe(await limiter.getExecutionCount("api", "2000-01-01T00:00:00Z"));
      expect(granted).toBe(MAX);
    });
  }
});
