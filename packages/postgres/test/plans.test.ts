import { PostgresKvStorage, PostgresTabularStorage } from "@workglow/postgres";
import type { SearchCriteria } from "@workglow/storage";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

const { url } = servers().embedded;
const ROWS = 200_000;
/** Pages of the database that a search may need to come to its rows, whatever their number. */
const DESCENT = 24;

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    group: { type: "string" },
    rank: { type: "integer" },
    score: { type: "number" },
    due: { type: "string", format: "date-time" },
    done: { type: "boolean" },
    email: { type: "string" },
  },
  required: ["id", "name", "group"],
  additionalProperties: false,
} as const;

/** Values by row: 100 rows a name, 20,000 a group, every fifth without rank, every tenth without due. */
const VALUES = `
  'id-' || lpad(((i * 7919) % ${ROWS})::text, 6, '0'),
  'name ' || lpad((i % 2000)::text, 4, '0'),
  'group ' || i % 10,
  CASE WHEN i % 5 <> 0 THEN (i * 31) % 5000 END,
  (i * 17 % 100000) / 7.0,
  CASE WHEN i % 10 <> 0 THEN timestamptz '2024-01-01Z' + (i * 13 % 90000) * interval '1 second' END,
  i % 2000 = 7,
  'user' || i || '@example'
FROM generate_series(0, ${ROWS - 1}) AS i`;
const INDEXES = [
  "name",
  "rank",
  ["group", "rank"],
  ["name", "due"],
  "score",
  "due",
  "done",
] as const;

interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

let app: Fresh;
let pool: pg.Pool;
let planner: pg.Client;
const sent: Sent[] = [];
const thingsOf = (options: object = {}) =>
  new PostgresTabularStorage(pool, "things", schema, ["id"] as const, INDEXES, {
    schema: app.name,
    uniqueIndexes: ["email"],
    ...options,
  });
const shared = (tenant: string) =>
  new PostgresTabularStorage(pool, "shared", schema, ["id"] as const, ["name", "rank"], {
    schema: app.name,
    prefixes: [{ name: "tenant", type: "uuid" }],
    prefixValues: { tenant },
  });
let things: ReturnType<typeof thingsOf>;
let settings: PostgresKvStorage;

beforeAll(async () => {
  class SpiedClient extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: one signature for all overloads of the driver's
    public override query(...args: any[]): any {
      if (typeof args[0] === "object") sent.push(args[0]);
      return (super.query as (...all: unknown[]) => unknown).apply(this, args);
    }
  }
  app = await freshSchema(url);
  pool = new pg.Pool({ connectionString: url, max: 2, Client: SpiedClient as never });
  planner = new pg.Client({ connectionString: url });
  await planner.connect();
  things = thingsOf();
  settings = new PostgresKvStorage(pool, "settings", undefined, undefined, { schema: app.name });
  await things.setupDatabase();
  await shared("a").setupDatabase();
  await settings.setupDatabase();
  const columns = `id, name, "group", rank, score, due, done, email`;
  await planner.query(`SET search_path = ${app.name};
    INSERT INTO things (${columns}) SELECT ${VALUES};
    INSERT INTO shared (tenant, ${columns}) SELECT 'tenant ' || i % 20, ${VALUES};
    INSERT INTO settings (key, value) SELECT 'key-' || lpad(i::text, 6, '0'), '1' FROM generate_series(0, ${ROWS - 1}) AS i;
    ANALYZE things, shared, settings`);
  // Only with its map do reads of an index alone do without the table.
  for (const table of ["things", "shared", "settings"]) await planner.query(`VACUUM ${table}`);
}, 60_000);

afterAll(async () => {
  await planner?.end();
  await pool?.end();
  await app?.drop();
});

interface PlanNode {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

interface Reading {
  /** Rows of tables that the statements looked at, whether they kept them or not. */
  readonly rows: number;
  /** Pages of tables and indexes. */
  readonly blocks: number;
  readonly returned: number;
}

const SCANS = new Set([
  "Seq Scan",
  "Index Scan",
  "Index Only Scan",
  "Bitmap Heap Scan",
  "Sample Scan",
]);

function rowsRead(node: PlanNode): number {
  const own = SCANS.has(node["Node Type"])
    ? node["Actual Rows"] +
      (node["Rows Removed by Filter"] ?? 0) +
      (node["Rows Removed by Index Recheck"] ?? 0)
    : 0;
  const below = (node.Plans ?? []).map(rowsRead);
  return below.reduce((sum, rows) => sum + rows, own * node["Actual Loops"]);
}

/** How often a statement runs before the server takes to a plan for any values, if it does. */
const RUNS = 7;
const quoted = (value: unknown): string =>
  value === null ? "NULL" : `'${String(value).replaceAll("'", "''")}'`;

/** What the server reads for a statement that it has prepared and run a few times. */
async function readingOf({ text, values }: Sent): Promise<Reading> {
  await planner.query(`PREPARE p AS ${text}`);
  const execute = `EXECUTE p${values.length > 0 ? ` (${values.map(quoted).join(", ")})` : ""}`;
  let reading: Reading = { rows: 0, blocks: 0, returned: 0 };
  for (let run = 0; run < RUNS; run++) {
    await planner.query("BEGIN");
    const { rows } = await planner.query(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${execute}`,
    );
    await planner.query("ROLLBACK");
    const plan = rows[0]["QUERY PLAN"][0].Plan as PlanNode;
    reading = {
      rows: rowsRead(plan),
      blocks: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
      returned: plan["Actual Rows"],
    };
  }
  await planner.query("DEALLOCATE p");
  return reading;
}

/** What all statements of a call read. */
async function reading(call: () => Promise<unknown>): Promise<Reading> {
  sent.length = 0;
  await call();
  // Now and then others tell subscribers.
  const statements = sent.filter(({ text }) => /"(?:things|shared|settings)"/.test(text));
  expect(statements).not.toHaveLength(0);
  const total = { rows: 0, blocks: 0, returned: 0 };
  for (const statement of statements) {
    const { rows, blocks, returned } = await readingOf(statement);
    total.rows += rows;
    total.blocks += blocks;
    total.returned += returned;
  }
  return total;
}

/** Expects a call to read so many rows, and no more pages than that takes. */
async function expectReading(
  call: () => Promise<unknown>,
  wanted: number,
  slack = 2,
): Promise<void> {
  const { rows, blocks } = await reading(call);
  expect(rows).toBeGreaterThanOrEqual(Math.min(wanted, 1));
  expect(rows).toBeLessThanOrEqual(wanted + slack);
  expect(blocks).toBeLessThanOrEqual(DESCENT + 4 * wanted);
}

type Criteria = SearchCriteria<Record<string, unknown>>;

describe("a search reads what it finds", () => {
  const searches: readonly (readonly [string, Criteria, number])[] = [
    ["equality", { name: "name 0007" }, 100],
    ["a unique value", { email: "user77@example" }, 1],
    ["a value that few have", { done: true }, 100],
    ["a list", { rank: { operator: "in", value: [3, 33, 333, 3333, -1] } }, 160],
    ["a list of texts", { name: { operator: "in", value: ["name 0001", "name 1999"] } }, 200],
    ["a prefix", { name: { operator: "prefix", value: "name 012" } }, 1000],
    [
      "a range",
      {
        rank: [
          { operator: ">=", value: 10 },
          { operator: "<", value: 20 },
        ],
      },
      320,
    ],
    ["a range of times", { due: { operator: ">", value: "2024-01-02T00:59:50.000Z" } }, 20],
    ["a range of numbers", { score: { operator: "<", value: 1 } }, 14],
    [
      "two columns",
      {
        group: "group 7",
        rank: [
          { operator: ">", value: 100 },
          { operator: "<=", value: 120 },
        ],
      },
      80,
    ],
    ["nothing", { name: "nobody" }, 0],
  ];

  test.each(searches)("for %s", async (_, criteria, found) => {
    await expectReading(() => things.query(criteria as never), found);
    await expectReading(() => things.count(criteria as never), found);
    expect(await things.count(criteria as never)).toBe(found);
    // Its transaction is rolled back by the test, and the call's own finds nothing.
    const none = { ...criteria, id: "nobody" } as never;
    await expectReading(() => things.deleteSearch(none), 0, found + 2);
  });

  test("for nulls, where there are few of them or few are wanted", async () => {
    // In the order of the key, so that many nulls are found along it, and few by their own index.
    await expectReading(() => things.query({ rank: null }, { limit: 10 }), 10, 50);
    await expectReading(
      () => things.query({ name: "name 0005", rank: null }, { limit: 1_000 }),
      100,
    );
    await expectReading(
      () =>
        things.query({ due: null }, { orderBy: [{ column: "due", direction: "ASC" }], limit: 10 }),
      10,
    );
  });

  test("for keys", async () => {
    const keys = Array.from({ length: 50 }, (_, i) => ({
      id: `id-${String(i * 4000 + 1).padStart(6, "0")}`,
    }));
    await expectReading(() => things.get(keys[7] as never), 1);
    await expectReading(() => things.getMany(keys), 50);
    await expectReading(() => Promise.all(keys.map((key) => things.get(key))), 50, 52);
    await expectReading(() => things.update(keys[3] as never, { rank: 1 }), 1);
    await expectReading(() => things.delete({ id: "nobody" }), 0);
  });
});

describe("an order with a limit reads as many rows", () => {
  const orders = [
    ["the key", [{ column: "id", direction: "DESC" }]],
    ["a column", [{ column: "name", direction: "ASC" }]],
    ["a column with nulls, ascending", [{ column: "rank", direction: "ASC" }]],
    ["a column with nulls, descending", [{ column: "rank", direction: "DESC" }]],
    [
      "two columns",
      [
        { column: "group", direction: "ASC" },
        { column: "rank", direction: "ASC" },
      ],
    ],
    [
      "two columns, backwards",
      [
        { column: "group", direction: "DESC" },
        { column: "rank", direction: "DESC" },
      ],
    ],
  ] as const;

  test.each(orders)("by %s", async (_, orderBy) => {
    await expectReading(() => things.getAll({ orderBy, limit: 20 }), 20);
  });

  test("within one value of the column before it", async () => {
    for (const direction of ["ASC", "DESC"] as const) {
      const orderBy = [{ column: "rank", direction }] as const;
      await expectReading(() => things.query({ group: "group 3" }, { orderBy, limit: 20 }), 20);
    }
  });
});

describe("a page reads its rows, however deep it is", () => {
  const LIMIT = 100;
  const orders = [
    ["the key", [], LIMIT],
    ["a column", [{ column: "name", direction: "ASC" }], LIMIT],
    ["a column, descending", [{ column: "score", direction: "DESC" }], LIMIT],
    ["a column with nulls, ascending", [{ column: "rank", direction: "ASC" }], LIMIT],
    ["a column with nulls, descending", [{ column: "rank", direction: "DESC" }], LIMIT],
    ["times with nulls, descending", [{ column: "due", direction: "DESC" }], LIMIT],
    [
      "two columns, the second with nulls",
      [
        { column: "group", direction: "ASC" },
        { column: "rank", direction: "ASC" },
      ],
      LIMIT,
    ],
    [
      "two columns, descending",
      [
        { column: "group", direction: "DESC" },
        { column: "rank", direction: "DESC" },
      ],
      LIMIT,
    ],
    // No index gives it: the rows of each value of the first column are sorted for themselves.
    [
      "mixed directions",
      [
        { column: "name", direction: "ASC" },
        { column: "due", direction: "DESC" },
      ],
      3 * LIMIT,
    ],
    [
      "mixed directions, the other way",
      [
        { column: "name", direction: "DESC" },
        { column: "due", direction: "ASC" },
      ],
      3 * LIMIT,
    ],
  ] as const;

  test.each(orders)("by %s", async (_, orderBy, most) => {
    for (const depth of [39_950, 199_000]) {
      const { nextCursor } = await things.getPage({ orderBy, limit: depth, select: ["id"] });
      const page = () =>
        things.getPage({ orderBy, limit: LIMIT, cursor: nextCursor, select: ["id"] });
      // One row more than the page tells whether there is a next one.
      await expectReading(page, most, 2);
    }
  });

  test("with criteria on the columns before it", async () => {
    const orderBy = [{ column: "rank", direction: "ASC" }] as const;
    const criteria = { group: "group 3" };
    const { nextCursor } = await things.getPage({ criteria, orderBy, limit: 9_000 });
    await expectReading(
      () => things.getPage({ criteria, orderBy, limit: LIMIT, cursor: nextCursor }),
      LIMIT,
    );
  });
});

describe("a range of keys reads what it gives", () => {
  const ranges = [
    ["a prefix", { prefix: "key-0012" }, 100],
    ["a prefix that nothing has", { prefix: "nobody" }, 0],
    ["bounds", { gte: "key-100000", lt: "key-100050" }, 50],
    ["bounds, backwards", { gt: "key-100000", lte: "key-100050", reverse: true }, 50],
    ["the last ones", { reverse: true, limit: 30 }, 30],
    ["the first ones with a prefix", { prefix: "key-1", limit: 30 }, 30],
    ["the last ones with a prefix", { prefix: "key-1", limit: 30, reverse: true }, 30],
  ] as const;

  test.each(ranges)("for %s", async (_, range, found) => {
    const all = async () => {
      let count = 0;
      for await (const _key of settings.keys(range)) count++;
      expect(count).toBe(found);
    };
    await expectReading(all, found, 2);
  });
});

describe("a tenant's search reads what it finds of the tenant's", () => {
  test("for keys, values, orders, pages and counts", async () => {
    const rows = shared("tenant 7");
    const [first] = (await rows.getAll({ limit: 1 })) ?? [];
    await expectReading(() => rows.get({ id: first?.id ?? "" }), 1);
    await expectReading(() => rows.query({ name: "name 0007" }), 100);
    await expectReading(() => rows.query({ name: "name 0008" }), 0);
    await expectReading(() => rows.count({ rank: 217 }), 8, 40);
    await expectReading(
      () => rows.getAll({ orderBy: [{ column: "rank", direction: "DESC" }], limit: 20 }),
      20,
    );
    for (const orderBy of [[], [{ column: "rank", direction: "ASC" }]] as const) {
      const { nextCursor } = await rows.getPage({ orderBy, limit: 7_000, select: ["id"] });
      await expectReading(
        () => rows.getPage({ orderBy, limit: 100, cursor: nextCursor, select: ["id"] }),
        100,
      );
    }
    const { rows: read } = await reading(() => rows.size());
    expect(read).toBe(ROWS / 20);
  });
});
