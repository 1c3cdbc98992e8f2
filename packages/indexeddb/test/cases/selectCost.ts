import {
  compileCriteria,
  completeOrder,
  not,
  or,
  type Row,
  type SearchCriteria,
  type SelectPlan,
  selectedColumns,
  TableSchema,
} from "@workglow/storage";
import { beforeAll, describe, expect, it } from "vitest";
import { RecordCodec } from "../../src/records/RecordCodec.ts";
import { countRows } from "../../src/select/countRows.ts";
import { selectRows } from "../../src/select/selectRows.ts";
import { inOlderBrowser } from "./inOlderBrowser.ts";
import { RowStore } from "./rowStore.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    city: { type: "string" },
    age: { type: ["integer", "null"] },
    email: { type: "string" },
    note: { type: "string" },
    rare: { type: "boolean" },
  },
  required: ["id", "city", "email", "note", "rare"],
  additionalProperties: false,
} as const;

const ROWS = 4000;
const CITIES = 40;
const OF_A_CITY = ROWS / CITIES;
const row = (i: number): Row => ({
  id: `id ${i.toString().padStart(5, "0")}`,
  city: `city ${(i % CITIES).toString().padStart(2, "0")}`,
  age: i % 10 === 0 ? null : i % 1000,
  email: `${i}@example.org`,
  note: i % 2 === 0 ? "even" : "odd",
  rare: i % 1000 === 999,
});

const table = new TableSchema(schema, ["id"], ["city", ["city", "age"], "age", "rare"], ["email"]);

type Criteria = SearchCriteria<Record<string, unknown>>;
type Directions = Readonly<Record<string, "ASC" | "DESC">>;

interface Query {
  readonly where?: Criteria;
  readonly orderBy?: Directions;
  readonly limit?: number;
  readonly offset?: number;
  readonly behind?: Row;
  readonly select?: readonly string[];
}

function planOf({ where, orderBy, limit, offset, behind, select }: Query): SelectPlan {
  const order = completeOrder(
    table,
    orderBy && Object.entries(orderBy).map(([column, direction]) => ({ column, direction })),
  );
  return {
    where: where && compileCriteria(table, where),
    order,
    limit,
    offset,
    after: behind && order.map(({ column }) => behind[column.name] ?? null),
    columns: selectedColumns(table, select),
  };
}

let store: RowStore;

beforeAll(async () => {
  store = await RowStore.open(new RecordCodec(table, []));
  await store.put(Array.from({ length: ROWS }, (_, i) => row(i)));
}, 60_000);

const select = (query: Query) => store.read((read) => selectRows(read, planOf(query)));
const count = (where: Criteria) =>
  store.read((read) => countRows(read, compileCriteria(table, where)));

/** The ages of rows, which tell their order. */
const ages = (rows: readonly Row[]) => rows.map(({ age }) => age);

describe("a row store of 4,000 rows gives up", () => {
  it("one row for a key or a unique value, beside other conditions too", async () => {
    for (const where of [
      { id: "id 00471" },
      { id: "id 00471", note: "odd" },
      { email: "471@example.org" },
      { email: "471@example.org", city: "city 31", note: "odd" },
    ]) {
      const { result, rowsRead, keysRead } = await select({ where });
      expect(result).toEqual([row(471)]);
      expect({ rowsRead, keysRead }).toEqual({ rowsRead: 1, keysRead: 0 });
    }
  });

  it("the matching rows for a value of an index", async () => {
    const { result, rowsRead } = await select({ where: { city: "city 07" } });
    expect(result).toHaveLength(OF_A_CITY);
    expect(rowsRead).toBe(OF_A_CITY);
  });

  it("the matching rows for ranges, open, closed or by prefix", async () => {
    const idRange = [
      { operator: ">=", value: "id 00100" },
      { operator: "<", value: "id 00200" },
    ] as const;
    expect(await select({ where: { id: idRange } })).toMatchObject({ rowsRead: 100 });
    const byPrefix = { city: { operator: "prefix", value: "city 0" } } as const;
    expect(await select({ where: byPrefix })).toMatchObject({ rowsRead: 10 * OF_A_CITY });
    const older = { age: { operator: ">", value: 990 } } as const;
    expect(await select({ where: older })).toMatchObject({ rowsRead: 36 });
  });

  it("the matching rows for an equal column and a range of the next", async () => {
    const where = { city: "city 07", age: { operator: "<", value: 200 } } as const;
    const { result, rowsRead } = await select({ where });
    expect(ages(result)).toEqual(Array.from({ length: 4 }, () => [7, 47, 87, 127, 167]).flat());
    expect(rowsRead).toBe(20);
  });

  it("the matching rows for lists of values, of keys too", async () => {
    const cities = { operator: "in", value: ["city 03", "city 30", "nowhere"] } as const;
    expect(await select({ where: { city: cities } })).toMatchObject({ rowsRead: 2 * OF_A_CITY });
    const ids = Array.from({ length: 1000 }, (_, i) => `id ${(4 * i).toString().padStart(5, "0")}`);
    const found = await select({ where: { id: { operator: "in", value: [...ids, "x"] } } });
    expect(found.result.map(({ id }) => id)).toEqual(ids);
    expect(found.rowsRead).toBe(1000);
  });

  it("the matching rows for nulls, and for alternatives that each have an index", async () => {
    expect(await select({ where: { age: null } })).toMatchObject({ rowsRead: ROWS / 10 });
    const either = or<Record<string, unknown>>({ email: "1@example.org" }, { city: "city 02" });
    expect(await select({ where: either })).toMatchObject({ rowsRead: 1 + OF_A_CITY });
    const turned = not<Record<string, unknown>>(
      or({ city: { operator: "!=", value: "city 07" } }, { age: null }),
    );
    expect(await select({ where: turned })).toMatchObject({ rowsRead: OF_A_CITY });
  });

  it("no row where conditions exclude each other", async () => {
    const where = {
      city: [
        { operator: "=", value: "city 01" },
        { operator: ">", value: "city 02" },
      ],
    } as const;
    expect(await select({ where })).toEqual({ result: [], rowsRead: 0, keysRead: 0 });
  });

  it.each([
    ["", <T>(work: () => Promise<T>) => work()],
    ["in an older browser", inOlderBrowser],
  ])(
    "the rows of one page for an order that an index has, in either direction %s",
    async (_, within) => {
      const oldest = await within(() => select({ orderBy: { age: "DESC" }, limit: 5 }));
      expect(ages(oldest.result)).toEqual([999, 999, 999, 999, 998]);
      expect(oldest.rowsRead).toBe(5);
      const first = await within(() => select({ orderBy: { city: "ASC" }, limit: 5 }));
      expect(first.rowsRead).toBe(5);
      const last = await within(() =>
        select({ where: { city: "city 07" }, orderBy: { age: "DESC" }, limit: 3 }),
      );
      expect(ages(last.result)).toEqual([967, 967, 967]);
      expect(last.rowsRead).toBe(3);
    },
  );

  it("the rows of one page behind a position, however far it is", async () => {
    const orders: Directions[] = [
      { age: "ASC" },
      { age: "DESC" },
      { city: "DESC", age: "DESC" },
      {},
    ];
    for (const orderBy of orders) {
      const all = (await select({ orderBy })).result;
      for (const at of [100, 399, 400, 3000]) {
        const page = await select({ orderBy, limit: 50, behind: all[at] as Row });
        expect(page.result).toEqual(all.slice(at + 1, at + 51));
        expect(page.rowsRead).toBe(50);
      }
    }
  });

  it("one group more for a position in an order of two directions", async () => {
    const orderBy = { city: "ASC", age: "DESC" } as const;
    const all = (await select({ orderBy })).result;
    const page = await select({ orderBy, limit: 50, behind: all[2570] as Row });
    expect(page.result).toEqual(all.slice(2571, 2621));
    expect(page.rowsRead).toBeLessThanOrEqual(3 * OF_A_CITY + 50);
  });

  it("nothing of what an offset skips where an index tells how much that is", async () => {
    const where = { city: { operator: "in", value: ["city 01", "city 02", "city 03"] } } as const;
    const cases: Query[] = [
      { offset: 3000, limit: 10 },
      { offset: 3000, limit: 10, orderBy: { age: "DESC" } },
      { offset: 150, limit: 10, where, orderBy: { city: "ASC", age: "ASC" } },
      { offset: 2 * OF_A_CITY, limit: 10, where, orderBy: { city: "DESC", age: "DESC" } },
    ];
    for (const query of cases) {
      const whole = (await select({ ...query, offset: 0, limit: 10_000 })).result;
      const { result, rowsRead } = await select(query);
      expect(result).toEqual(whole.slice(query.offset, (query.offset as number) + 10));
      expect(rowsRead).toBe(10);
    }
    expect(await select({ offset: 5000, limit: 10 })).toMatchObject({ result: [], rowsRead: 0 });
  });

  it("no more than the limit where several stretches hold more", async () => {
    const value = ["city 03", "city 04", "city 05", "city 06"];
    const where = { city: { operator: "in", value } } as const;
    const directions = ["ASC", "DESC"] as const;
    for (const direction of directions) {
      const query: Query = { where, orderBy: { city: direction, age: direction } };
      const whole = (await select(query)).result;
      expect(whole).toHaveLength(4 * OF_A_CITY);
      for (const limit of [OF_A_CITY + 1, 2 * OF_A_CITY + 50]) {
        const { result, rowsRead } = await select({ ...query, limit });
        expect(result).toEqual(whole.slice(0, limit));
        expect(rowsRead).toBeLessThanOrEqual(limit + OF_A_CITY);
      }
    }
  });

  it("keys alone where nothing else is asked for", async () => {
    const cases: Query[] = [
      { select: ["id"] },
      { select: ["id"], orderBy: { age: "DESC" }, limit: 10, offset: 5 },
      {
        select: ["id"],
        where: { id: { operator: "in", value: ["id 00003", "id 00001"] } },
        limit: 5,
      },
    ];
    for (const query of cases) {
      const whole = (await select({ ...query, select: undefined })).result;
      const { result, rowsRead } = await select(query);
      expect(result).toEqual(whole.map(({ id }) => ({ id })));
      expect(rowsRead).toBe(0);
    }
  });

  it("no row to be counted where an index tells how many there are", async () => {
    const cases: [Criteria, number][] = [
      [{ city: "city 01" }, OF_A_CITY],
      [{ id: { operator: "<=", value: "id 00009" } }, 10],
      [{ age: { operator: "!=", value: 1 } }, ROWS - 4],
      [{ city: { operator: "in", value: ["city 01", "city 02"] } }, 2 * OF_A_CITY],
    ];
    for (const [where, expected] of cases) {
      expect(await count(where)).toEqual({ result: expected, rowsRead: 0, keysRead: 0 });
    }
    const filtered = await count({ city: "city 01", note: "odd" });
    expect(filtered).toMatchObject({ result: OF_A_CITY, rowsRead: OF_A_CITY });
  });

  it("the rows of the shorter stretch", async () => {
    const { result, rowsRead } = await select({ where: { rare: true, city: "city 39" } });
    expect(result).toHaveLength(4);
    expect(rowsRead).toBe(4);
  });

  it("rows in the order asked for, not all rows of a frequent value", async () => {
    const where = { rare: false } as const;
    const { result, rowsRead } = await select({
      where,
      orderBy: { age: "DESC" },
      limit: 10,
    });
    expect(ages(result)).toEqual([998, 998, 998, 998, 997, 997, 997, 997, 996, 996]);
    expect(rowsRead).toBeLessThanOrEqual(64);
  });

  it("few rows in the order asked for where the value turns out to be rare", async () => {
    const where = { rare: true } as const;
    const { result, rowsRead } = await select({
      where,
      orderBy: { age: "ASC" },
      limit: 10,
    });
    expect(ages(result)).toEqual([999, 999, 999, 999]);
    expect(rowsRead).toBeLessThanOrEqual(64 + 4);
  });

  it("pages of bounded size to a filter", async () => {
    const sizes: number[] = [];
    const counted = await store.read(async (read) => {
      const rows = await selectRows(
        { ...read, signal: spiedSignal(() => sizes.push(read.statistics?.rowsRead ?? 0)) },
        planOf({ where: { note: "odd" } }),
      );
      return rows.length;
    });
    expect(counted).toMatchObject({ result: ROWS / 2, rowsRead: ROWS });
    const pages = sizes.slice(1).map((size, at) => size - (sizes[at] as number));
    expect(Math.max(...pages)).toBeLessThanOrEqual(1024);
  });
});

/** A signal that tells when it is looked at, which is before each page. */
function spiedSignal(looked: () => void): AbortSignal {
  const { signal } = new AbortController();
  return Object.assign(signal, { throwIfAborted: looked });
}
