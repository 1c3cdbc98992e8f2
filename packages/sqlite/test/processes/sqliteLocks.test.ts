import { SqliteTabularStorage } from "@workglow/sqlite";
import { StorageBusyError } from "@workglow/util";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, temporaryPath } from "../drivers.ts";
import { Child } from "./Child.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" } },
  required: ["id"],
  additionalProperties: false,
} as const;

async function lockedTable() {
  const path = temporaryPath();
  const handle = openedBy((drivers[0] as (typeof drivers)[number]).open, path);
  const table = new SqliteTabularStorage(handle, "rows", schema, ["id"] as const);
  await table.setupDatabase();
  const holder = new Child("lockHolder", path, 60_000);
  await holder.message();
  return { table, holder };
}

it.each(drivers)("8 processes set one table up at once, on $driver", async ({ driver, open }) => {
  const path = temporaryPath();
  const children = Array.from(
    { length: 8 },
    (_, i) => new Child("sqliteSetUp", driver, path, `w${i}`),
  );
  for (const child of children) await child.message();
  for (const child of children) child.send("go");
  expect(await Promise.all(children.map((child) => child.exited()))).toEqual(children.map(() => 0));
  const handle = openedBy(open, path);
  const ids = handle.prepare("SELECT id FROM rows ORDER BY id").all();
  expect(ids).toEqual(Array.from({ length: 200 }, (_, i) => ({ id: i + 1 })));
  expect(handle.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});

describe("a lock that another process keeps", () => {
  it("is a StorageBusyError after 10 s for all calls that wait; later ones succeed once it is free", async () => {
    const { table, holder } = await lockedTable();
    const begun = performance.now();
    const failures = await Promise.allSettled([
      table.put({ id: "a" }),
      table.putBulk([{ id: "b" }, { id: "c" }]),
      table.transaction(async (tx) => tx.put({ id: "d" })),
    ]);
    const waitedMs = performance.now() - begun;
    for (const { reason } of failures as PromiseRejectedResult[]) {
      expect(reason).toBeInstanceOf(StorageBusyError);
      expect(reason).toMatchObject({ kind: "transient", storage: "rows" });
    }
    expect(waitedMs).toBeGreaterThan(9_500);
    expect(waitedMs).toBeLessThan(15_000);
    await holder.kill();
    await table.put({ id: "e" });
    expect(await table.getAll()).toEqual([{ id: "e" }]);
  });

  it("does not outlast a call's signal, and the call then never happens", async () => {
    const { table, holder } = await lockedTable();
    const controller = new AbortController();
    const aborted = table.put({ id: "a" }, { signal: controller.signal });
    const opening = table.transaction(async (tx) => tx.put({ id: "b" }), {
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(aborted).rejects.toThrow("enough");
    await expect(opening).rejects.toThrow("enough");
    await holder.kill();
    await table.put({ id: "c" });
    expect(await table.getAll()).toEqual([{ id: "c" }]);
  });
});
