import { SqliteTabularStorage } from "@workglow/sqlite";
import type { TabularStorageOptions } from "@workglow/storage";
import { describe, expect, it } from "vitest";
import { spiedHandle } from "./drivers.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    rank: { type: "integer" },
    due: { type: "string", format: "date-time" },
    group: { type: "string" },
  },
  required: ["id", "name", "group"],
  additionalProperties: false,
} as const;

const ROWS = 3000;

/** A table of rows with ties and nulls, and the plan of each statement that a call runs. */
async function planned(
  indexes: readonly (string | readonly string[])[],
  options?: TabularStorageOptions,
) {
  const { handle, ran } = spiedHandle();
  const storage = new SqliteTabularStorage(
    handle,
    "things",
    schema,
    ["id"] as const,
    indexes,
    options,
  );
  await storage.setupDatabase();
  await storage.putBulk(
    Array.from({ length: ROWS }, (_, i) => ({
      id: `id-${String((i * 7919) % ROWS).padStart(5, "0")}`,
      name: `name ${i % 100}`,
      ...(i % 5 !== 0 && { rank: i % 50 }),
      ...(i % 7 !== 0 && { due: new Date(1.7e12 + (i % 300) * 1000).toISOString() }),
      group: `g${i % 10}`,
    })),
  );
  handle.exec("ANALYZE");
  const plansOf = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
    ran.length = 0;
    await call();
    return ran
      .filter((text) => /^(?:SELECT|DELETE|UPDATE)/.test(text))
      .map((text) => {
        const params = Array.from(text.matchAll(/\?/g), () => "1");
        return handle
          .prepare(`EXPLAIN QUERY PLAN ${text}`)
          .all(...params)
          .map(({ detail }) => String(detail))
          .join(" | ");
      });
  };
  return { storage, plansOf };
}

describe("queries use the declared indexes", () => {
  it.each([
    ["equality", { name: "name 7" }],
    [
      "a range",
      {
        rank: [
          { operator: ">", value: 3 },
          { operator: "<=", value: 9 },
        ],
      },
    ],
    ["a prefix", { name: { operator: "prefix", value: "name 1" } }],
    ["a list", { name: { operator: "in", value: ["name 1", "name 2"] } }],
    ["null", { rank: null }],
  ] as const)("for %s", async (_, criteria) => {
    const { storage, plansOf } = await planned(["name", "rank"]);
    for (const call of [
      () => storage.query(criteria as never),
      () => storage.count(criteria as never),
      () => storage.deleteSearch(criteria as never),
    ]) {
      const [plan] = await plansOf(call);
      expect(plan).toMatch(
        /SEARCH things USING (?:COVERING )?INDEX things_\w+_idx \((?:name|rank)/,
      );
      expect(plan).not.toContain("SCAN things");
    }
  });

  it("for a point, the key", async () => {
    const { storage, plansOf } = await planned([]);
    const [plan] = await plansOf(() => storage.get({ id: "id-00001" }));
    expect(plan).toMatch(/SEARCH things USING .*INDEX .*\(id=\?\)/);
    const [many] = await plansOf(() => storage.getMany([{ id: "id-00001" }, { id: "id-00002" }]));
    expect(many).toMatch(/SEARCH things USING .*INDEX .*\(id=\?\)/);
  });

  it("for an order, in both directions, without sorting", async () => {
    const { storage, plansOf } = await planned([["group", "due"], "rank"]);
    for (const direction of ["ASC", "DESC"] as const) {
      const [plan] = await plansOf(() =>
        storage.getAll({ orderBy: [{ column: "rank", direction }], limit: 5 }),
      );
      expect(plan).toMatch(/SCAN things USING INDEX things_\w+_idx/);
      expect(plan).not.toContain("TEMP B-TREE");
      const [inGroup] = await plansOf(() =>
        storage.query({ group: "g3" }, { orderBy: [{ column: "due", direction }], limit: 5 }),
      );
      expect(inGroup).toMatch(/SEARCH things USING INDEX things_\w+_idx \(group=\?\)/);
      expect(inGroup).not.toContain("TEMP B-TREE");
    }
  });

  it("for a tenant, with its columns first in the key and in every index", async () => {
    const { storage, plansOf } = await planned(["name"], {
      prefixes: [{ name: "tenant", type: "uuid" }],
      prefixValues: { tenant: "a" },
    });
    expect((await plansOf(() => storage.get({ id: "id-00001" })))[0]).toMatch(
      /\(tenant=\? AND id=\?\)/,
    );
    expect((await plansOf(() => storage.query({ name: "name 1" })))[0]).toMatch(
      /things_\w+_idx \(tenant=\? AND name=\?\)/,
    );
    expect((await plansOf(() => storage.getBulk(0, 10)))[0]).not.toContain("TEMP B-TREE");
  });
});

describe("pages are read by key", () => {
  const orders = [
    ["the key", []],
    ["a column without nulls", [{ column: "name", direction: "DESC" }]],
    ["a column with nulls, ascending", [{ column: "rank", direction: "ASC" }]],
    ["a column with nulls, descending", [{ column: "rank", direction: "DESC" }]],
  ] as const;

  it.each(orders)(
    "ordered by %s: each page one search, without sorting or scanning",
    async (_, orderBy) => {
      const { storage, plansOf } = await planned(["name", "rank"]);
      let cursor: string | undefined;
      let rows = 0;
      do {
        const plans = await plansOf(async () => {
          const page = await storage.getPage({ orderBy, limit: 300, cursor });
          rows += page.items.length;
          cursor = page.nextCursor;
        });
        expect(plans.length).toBeLessThanOrEqual(2);
        for (const plan of plans) expect(plan).not.toContain("TEMP B-TREE");
        if (rows > 300) for (const plan of plans) expect(plan).toContain("SEARCH things USING");
      } while (cursor !== undefined);
      expect(rows).toBe(ROWS);
    },
  );

  it("in mixed directions starts in the middle of a value and not at its beginning", async () => {
    const { storage, plansOf } = await planned([["group", "name"]]);
    const orderBy = [
      { column: "group", direction: "ASC" },
      { column: "name", direction: "DESC" },
    ] as const;
    const first = await storage.getPage({ orderBy, limit: 100 });
    const plans = await plansOf(() =>
      storage.getPage({ orderBy, limit: 100, cursor: first.nextCursor }),
    );
    expect(plans[0]).toMatch(
      /SEARCH things USING INDEX things_\w+_idx \(group=\? AND \(name,id\)<\(\?,\?\)\)/,
    );
  });

  it("walks all rows with one statement text", async () => {
    const { storage, plansOf } = await planned([]);
    let pages = 0;
    const plans = await plansOf(async () => {
      for await (const page of storage.pages(250)) pages += page.length > 0 ? 1 : 0;
    });
    expect(pages).toBe(ROWS / 250);
    // The page after the last full one is empty; none is read by offset.
    expect(plans).toHaveLength(pages + 1);
    expect(new Set(plans).size).toBe(2);
  });
});

it("has one statement text for lists of any length, far beyond the number of parameters", async () => {
  const { handle, ran } = spiedHandle();
  const storage = new SqliteTabularStorage(handle, "things", schema, ["id"] as const, ["rank"]);
  await storage.setupDatabase();
  await storage.put({ id: "a", name: "n", group: "g", rank: 70_001 });
  ran.length = 0;
  for (const length of [2, 3, 50_000]) {
    const value = Array.from({ length }, (_, i) => i + 70_000);
    expect(await storage.query({ rank: { operator: "in", value } })).toHaveLength(1);
    expect(
      await storage.getMany(value.map((n) => ({ id: `k${n}` })).concat({ id: "a" })),
    ).toHaveLength(1);
  }
  expect(new Set(ran).size).toBe(2);
});
