import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { InMemoryTabularStorage, MemoryDatabase, not, or } from "../src/index.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    city: { type: "string" },
    age: { type: ["integer", "null"] },
    email: { type: "string" },
    note: { type: "string" },
  },
  required: ["id", "city", "email", "note"],
  additionalProperties: false,
} as const;

const ROWS = 10_000;
const CITIES = 100;
const row = (i: number) => ({
  id: `id ${i.toString().padStart(5, "0")}`,
  city: `city ${(i % CITIES).toString().padStart(2, "0")}`,
  age: i % 10 === 0 ? null : i % 1000,
  email: `${i}@example.org`,
  note: i % 2 === 0 ? "even" : "odd",
});

describe("an in-memory table of 10,000 rows looks", () => {
  const people = new InMemoryTabularStorage(
    schema,
    ["id"] as const,
    ["city", ["city", "age"], "age"],
    {
      uniqueIndexes: ["email"],
    },
  );
  const visited = (): number => people.statistics.rowsVisited;

  beforeAll(async () => {
    await people.putBulk(Array.from({ length: ROWS }, (_, i) => row(i)));
  });
  beforeEach(() => {
    people.statistics.rowsVisited = 0;
  });

  it("at one row for a key", async () => {
    expect(await people.get({ id: "id 04711" })).toEqual(row(4711));
    expect(visited()).toBe(1);
    expect(await people.query({ id: "id 04711" })).toEqual([row(4711)]);
    expect(await people.count({ id: "id 04711" })).toBe(1);
    expect(visited()).toBe(3);
  });

  it("at one row for a unique value, beside other conditions too", async () => {
    expect(await people.query({ email: "4711@example.org", note: "odd" })).toEqual([row(4711)]);
    expect(await people.query({ email: "4711@example.org", city: "city 11" })).toEqual([row(4711)]);
    expect(visited()).toBe(2);
  });

  it("at the matching rows for a value of an index", async () => {
    expect(await people.query({ city: "city 07" })).toHaveLength(ROWS / CITIES);
    expect(visited()).toBe(ROWS / CITIES);
  });

  it("at the matching rows for a range, open, closed or by prefix", async () => {
    expect(
      await people.count({
        id: [
          { operator: ">=", value: "id 00100" },
          { operator: "<", value: "id 00200" },
        ],
      }),
    ).toBe(100);
    expect(await people.count({ city: { operator: "prefix", value: "city 0" } })).toBe(1000);
    expect(await people.count({ age: { operator: ">", value: 990 } })).toBe(90);
    expect(await people.count({ id: { operator: "<=", value: "id 00009" } })).toBe(10);
    expect(visited()).toBe(1200);
  });

  it("at the matching rows for an equal column and a range of the next", async () => {
    const found = await people.query({ city: "city 07", age: { operator: "<", value: 200 } });
    expect(found?.map(({ age }) => age)).toEqual(Array.from({ length: 10 }, () => [7, 107]).flat());
    expect(visited()).toBe(20);
  });

  it("at the matching rows for a list of values", async () => {
    const cities = ["city 03", "city 50", "nowhere"];
    expect(await people.count({ city: { operator: "in", value: cities } })).toBe(200);
    expect(
      await people.query({ id: { operator: "in", value: ["id 00001", "id 00002", "x"] } }),
    ).toHaveLength(2);
    expect(visited()).toBe(202);
  });

  it("at the matching rows for nulls, for all that is not null, and for all but a value", async () => {
    expect(await people.count({ age: null })).toBe(1000);
    expect(visited()).toBe(1000);
    expect(await people.count({ age: { operator: "!=", value: 1 } })).toBe(9990);
    expect(visited()).toBe(10_990);
  });

  it("at the matching rows for alternatives of several columns", async () => {
    expect(await people.query(or({ email: "1@example.org" }, { city: "city 42" }))).toHaveLength(
      101,
    );
    expect(visited()).toBe(101);
    const both = await people.count({
      note: "odd",
      ...or({ email: "2@example.org" }, { city: "city 43" }),
    });
    expect(both).toBe(100);
    expect(visited()).toBe(202);
  });

  it("at the matching rows when conditions are turned round", async () => {
    expect(
      await people.count(not(or({ city: { operator: "!=", value: "city 07" } }, { age: null }))),
    ).toBe(100);
    expect(visited()).toBe(100);
  });

  it("at no row where conditions exclude each other", async () => {
    const none = {
      city: [
        { operator: "=", value: "city 01" },
        { operator: ">", value: "city 02" },
      ],
    } as const;
    expect(await people.query(none)).toBeUndefined();
    expect(visited()).toBe(0);
  });

  it("at the rows of one page for an order that an index has, in either direction", async () => {
    const oldest = await people.getAll({
      orderBy: [{ column: "age", direction: "DESC" }],
      limit: 5,
    });
    expect(oldest?.map(({ age }) => age)).toEqual([999, 999, 999, 999, 999]);
    const first = await people.getAll({
      orderBy: [{ column: "city", direction: "ASC" }],
      limit: 5,
    });
    expect(first?.map(({ city }) => city)).toEqual(Array.from({ length: 5 }, () => "city 00"));
    expect(visited()).toBe(10);
  });

  it("at the rows of one page where an equal column comes before the order", async () => {
    const orderBy = [{ column: "age", direction: "DESC" }] as const;
    const found = await people.query({ city: "city 07" }, { orderBy, limit: 3 });
    expect(found?.map(({ age }) => age)).toEqual([907, 907, 907]);
    expect(visited()).toBe(3);
  });

  it("at one group of rows at a time where an index has the order's first columns only", async () => {
    const orderBy = [
      { column: "city", direction: "ASC" },
      { column: "note", direction: "ASC" },
    ] as const;
    expect(await people.getAll({ orderBy, limit: 10 })).toHaveLength(10);
    // The first city, and one row to see that it ends.
    expect(visited()).toBe(ROWS / CITIES + 1);
  });

  it("at the rows of one page behind a cursor, however far it is", async () => {
    const options = { orderBy: [{ column: "age", direction: "ASC" }], limit: 100 } as const;
    let page = await people.getPage(options);
    for (let i = 0; i < 50; i++)
      page = await people.getPage({ ...options, cursor: page.nextCursor ?? "" });
    people.statistics.rowsVisited = 0;
    page = await people.getPage({ ...options, cursor: page.nextCursor ?? "" });
    expect(page.items).toHaveLength(100);
    expect(visited()).toBe(101);
  });

  it("at one group more for a cursor into an order of two directions", async () => {
    const orderBy = [
      { column: "city", direction: "ASC" },
      { column: "age", direction: "DESC" },
    ] as const;
    let page = await people.getPage({ orderBy, limit: 50 });
    for (let i = 0; i < 50; i++)
      page = await people.getPage({ orderBy, limit: 50, cursor: page.nextCursor ?? "" });
    people.statistics.rowsVisited = 0;
    page = await people.getPage({ orderBy, limit: 50, cursor: page.nextCursor ?? "" });
    expect(page.items[0]?.city).toBe("city 25");
    expect(visited()).toBeLessThanOrEqual(202);
  });

  it("at the few rows of a rare value, not at all rows in the order asked for", async () => {
    const orderBy = [{ column: "age", direction: "ASC" }] as const;
    expect(await people.query({ email: "9999@example.org" }, { orderBy, limit: 10 })).toHaveLength(
      1,
    );
    expect(visited()).toBe(1);
  });

  it("at rows in the order asked for, not at all rows of a frequent value", async () => {
    const frequent = new InMemoryTabularStorage(schema, ["id"] as const, ["note", "age"]);
    await frequent.putBulk(Array.from({ length: ROWS }, (_, i) => row(i)));
    const orderBy = [{ column: "age", direction: "DESC" }] as const;
    expect(await frequent.query({ note: "odd" }, { orderBy, limit: 10 })).toHaveLength(10);
    expect(frequent.statistics.rowsVisited).toBe(10);
  });

  it("at the matching rows when it deletes them", async () => {
    const copy = new InMemoryTabularStorage(schema, ["id"] as const, ["city"]);
    await copy.putBulk(Array.from({ length: ROWS }, (_, i) => row(i)));
    await copy.deleteSearch({ city: "city 07" });
    expect(copy.statistics.rowsVisited).toBe(ROWS / CITIES);
    expect(await copy.size()).toBe(ROWS - ROWS / CITIES);
  });

  it("at the same rows through another storage of the table", async () => {
    const database = new MemoryDatabase();
    const options = { database, table: "people" };
    const first = new InMemoryTabularStorage(schema, ["id"] as const, ["city"], options);
    await first.putBulk(Array.from({ length: 1000 }, (_, i) => row(i)));
    const second = new InMemoryTabularStorage(schema, ["id"] as const, ["city"], options);
    expect(await second.query({ city: "city 07" })).toHaveLength(10);
    expect(second.statistics.rowsVisited).toBe(10);
  });
});

describe("iterating over 100,000 rows", () => {
  it("reads each once, page by page, whatever is written meanwhile", async () => {
    const numbers = new InMemoryTabularStorage(
      { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } as const,
      ["n"] as const,
    );
    await numbers.putBulk(Array.from({ length: 100_000 }, (_, n) => ({ n: 2 * n })));
    let expected = 0;
    for await (const page of numbers.pages(1000)) {
      for (const { n } of page) {
        if (n !== expected) expect(n).toBe(expected);
        expected += 2;
      }
      // Behind the walk, and not to be met; ahead of it, one that goes.
      await numbers.put({ n: expected - 1001 });
      await numbers.delete({ n: page[0]?.n ?? -1 });
    }
    expect(expected).toBe(200_000);
    expect(numbers.statistics.rowsVisited).toBeLessThan(100_000 + 200);
  });
});
