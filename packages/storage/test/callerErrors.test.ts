import { StorageValidationError } from "@workglow/util";
import { describe, expect, test } from "vitest";
import { InMemoryKvStorage, InMemoryTabularStorage } from "../src/index.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    bytes: { type: "string", contentEncoding: "blob" },
  },
  required: ["id"],
  additionalProperties: false,
} as const;

describe("what the caller's own code throws", () => {
  test("comes back from putBulk as it was, and its source is closed where the storage stops", async () => {
    const kv = new InMemoryKvStorage<string, number>();
    const failure = new Error("of the source");
    async function* failing(): AsyncGenerator<{ key: string; value: number }> {
      yield { key: "a", value: 1 };
      throw failure;
    }
    await expect(kv.putBulk(failing())).rejects.toBe(failure);

    let closed = false;
    async function* wrong(): AsyncGenerator<{ key: string; value: number }> {
      try {
        for (;;) yield { key: "a", value: Number.NaN };
      } finally {
        closed = true;
      }
    }
    await expect(kv.putBulk(wrong())).rejects.toBeInstanceOf(StorageValidationError);
    expect(closed).toBe(true);
  });
});

describe("options that are none", () => {
  test.each([null, "soon", 5])("%j is refused as invalid", async (options) => {
    const table = new InMemoryTabularStorage(schema, ["id"] as const);
    const kv = new InMemoryKvStorage();
    for (const call of [
      table.get({ id: "a" }, options as never),
      table.getAll(options as never),
      table.insert({ id: "a" }, options as never),
      table.getPage(options as never),
      kv.get("a", options as never),
    ]) {
      await expect(call).rejects.toMatchObject({ kind: "invalid" });
    }
    expect(await table.size()).toBe(0);
  });
});

test("pages follow each other by a column of large bytes", async () => {
  const table = new InMemoryTabularStorage(schema, ["id"] as const);
  const bytes = (first: number) => new Uint8Array(300_000).fill(7).fill(first, 0, 1);
  await table.putBulk([
    { id: "a", bytes: bytes(2) },
    { id: "b", bytes: bytes(1) },
  ]);
  const orderBy = [{ column: "bytes", direction: "ASC" }] as const;
  const first = await table.getPage({ orderBy, limit: 1 });
  const second = await table.getPage({ orderBy, limit: 1, cursor: first.nextCursor as string });
  expect([first.items[0]?.id, second.items[0]?.id]).toEqual(["b", "a"]);
});
