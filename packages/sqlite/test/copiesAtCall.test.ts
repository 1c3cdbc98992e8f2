import { SqliteTabularStorage } from "@workglow/sqlite";
import { expect, test } from "vitest";
import { drivers, openedBy, temporaryPath } from "./drivers.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, text: { type: "string" } },
  required: ["id", "text"],
  additionalProperties: false,
} as const;

for (const { driver, open } of drivers) {
  test(`${driver}: what is changed after a call is not what is stored, while a subscription opens too`, async () => {
    const table = new SqliteTabularStorage(openedBy(open, temporaryPath()), "notes", schema, [
      "id",
    ] as const);
    await table.setupDatabase();
    const seen: unknown[] = [];
    const unsubscribe = table.subscribeToChanges((change) => void seen.push(change.new));
    const row = { id: "a", text: "given" };
    const key = { id: "a" };
    const putting = table.put(row);
    const patch = { text: "patched" };
    const updating = table.update(key, patch);
    const reading = table.query({ id: "a" });
    Object.assign(row, { id: "b", text: "changed" });
    Object.assign(key, { id: "b" });
    Object.assign(patch, { text: "changed" });
    expect(await putting).toEqual({ id: "a", text: "given" });
    expect(await updating).toEqual({ id: "a", text: "patched" });
    expect(await reading).toEqual([{ id: "a", text: "patched" }]);
    expect(await table.getAll()).toEqual([{ id: "a", text: "patched" }]);
    await expect
      .poll(() => seen)
      .toEqual([
        { id: "a", text: "given" },
        { id: "a", text: "patched" },
      ]);
    unsubscribe();
    await table[Symbol.asyncDispose]();
  });
}
