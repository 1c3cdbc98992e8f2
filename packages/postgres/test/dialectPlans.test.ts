import { SqlBuilder, type SqlStatement } from "@workglow/storage/sql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type DialectPlace,
  DialectStorage,
  dialectPlaces,
  recorded,
  type Shape,
} from "./dialectPlaces.ts";

const ROWS = 200_000;

const shape: Shape = {
  table: "planned",
  properties: {
    name: { type: "string" },
    rank: { type: "integer" },
    at: { type: "string", format: "date-time" },
    done: { type: "boolean" },
    data: { type: "object" },
  },
  required: ["rank", "done"],
  indexes: ["name", ["done", "at"], ["rank", "name"]],
  options: {
    prefixes: [{ name: "tenant", type: "number" }],
    prefixValues: { tenant: 1 },
  },
};

/** A node of a plan as `EXPLAIN (FORMAT JSON)` tells of it. */
interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How many rows of the table a plan has read, kept or not, and how many it gave. */
function rowsRead(node: PlanNode): number {
  const loops = node["Actual Loops"];
  const own =
    node["Relation Name"] === undefined
      ? 0
      : (node["Actual Rows"] +
          (node["Rows Removed by Filter"] ?? 0) +
          (node["Rows Removed by Index Recheck"] ?? 0)) *
        loops;
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsRead(child), own);
}

const nodes = (node: PlanNode): readonly string[] => [
  node["Node Type"],
  ...(node.Plans ?? []).flatMap(nodes),
];

// The planner of an embedded database is the same.
const places = dialectPlaces.filter(({ embedded }) => !embedded);

describe.each(places)("plans at 200,000 rows on $title", ({ open }) => {
  let place: DialectPlace;
  let storage: DialectStorage;
  let ran: SqlStatement[];
  const table = () => place.executor.dialect.qualified("planned");
  const kindOf = (column: string) =>
    place.executor.dialect.jsonField(column, ["kind"], "string", () => "");

  beforeAll(async () => {
    place = await open();
    const spied = recorded(place.executor);
    ran = spied.ran;
    storage = new DialectStorage(spied.executor, shape);
    await storage.setupDatabase();
    // A part of the names and of the times is null, also among rows that are alike otherwise.
    await place.rows(`INSERT INTO ${table()} ("tenant", "id", "name", "rank", "at", "done", "data")
SELECT i % 2, 'id' || lpad(i::text, 8, '0'), CASE WHEN i % 5 > 0 THEN 'n' || i % 1000 END, i % 100,
  CASE WHEN i % 7 > 0 THEN timestamptz '2024-01-01T00:00:00Z' + i * interval '1 minute' END, i % 3 = 0,
  json_build_object('kind', 'k' || i % 5000, 'size', i % 4000)
FROM generate_series(1, ${ROWS}) AS "s" (i)`);
    await place.rows(`CREATE INDEX ON ${table()} ("tenant", ${kindOf('"data"')})`);
    await place.rows(`ANALYZE ${table()}`);
  }, 120_000);
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  async function explained({ text, params }: SqlStatement) {
    const explain = `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) ${text}`;
    const { rows } = await place.executor.execute({ text: explain, params });
    const [{ Plan: plan }] = JSON.parse(String(rows[0]?.[0])) as [{ readonly Plan: PlanNode }];
    return { given: plan["Actual Rows"], read: rowsRead(plan), nodes: nodes(plan).join() };
  }

  /** What the statements of a call have read. */
  async function reads(call: () => Promise<unknown>) {
    ran.length = 0;
    await call();
    const all = [];
    for (const statement of [...ran]) all.push(await explained(statement));
    return {
      read: all.reduce((sum, { read }) => sum + read, 0),
      nodes: all.map((one) => one.nodes).join(),
    };
  }

  it.each([1, 3, 1000])("read %i keys of a list and no other rows", async (count) => {
    const keys = Array.from({ length: count }, (_, i) => ({
      id: `id${String(1 + i * 198).padStart(8, "0")}`,
    }));
    let found: unknown[] = [];
    const { read, nodes: used } = await reads(async () => {
      found = await storage.getMany(keys);
    });
    expect(found).toHaveLength(count);
    expect(read).toBe(count);
    expect(used).not.toContain("Seq Scan");
  });

  it.each<[string, object, number]>([
    ["of a list of values", { name: { operator: "in", value: ["n1", "n3", "no"] } }, 400],
    ["of a prefix", { id: { operator: "prefix", value: "id001500" } }, 50],
    ["of null", { name: null, id: { operator: "<", value: "id00001000" } }, 100],
    [
      "of a range of times",
      {
        done: true,
        at: [
          { operator: ">=", value: "2024-01-02T00:00:00.000Z" },
          { operator: "<", value: "2024-01-03T00:00:00.000Z" },
        ],
      },
      205,
    ],
  ])("read the rows %s and no others", async (_, criteria, count) => {
    let found: readonly unknown[] | undefined;
    const { read } = await reads(async () => {
      found = await storage.query(criteria);
    });
    expect(found).toHaveLength(count);
    expect(read).toBe(count);
  });

  it.each([3, 1000])("read %i rows by a list of several columns and no others", async (count) => {
    const { dialect } = place.executor;
    const sql = new SqlBuilder(dialect);
    const tenant = sql.bindAs(1, "integer");
    const wanted = Array.from({ length: count }, (_, i) => {
      const row = 1 + i * 2;
      return [row % 100, row % 5 > 0 ? `n${row % 1000}` : "", `id${String(row).padStart(8, "0")}`];
    });
    const source = dialect.rowSource(["integer", "text", "text"], wanted, sql.bind);
    const { given, read } = await explained(
      sql.statement(
        `SELECT "id" FROM ${table()} WHERE "tenant" = ${tenant} AND ("rank", "name", "id") IN (${source})`,
      ),
    );
    expect(given).toBe(wanted.filter(([, name]) => name !== "").length);
    // Of several loops the server tells the mean.
    expect(Math.floor(read)).toBeLessThanOrEqual(count);
  });

  it("read the rows of a metadata field by the index on its expression", async () => {
    const sql = new SqlBuilder(place.executor.dialect);
    const tenant = sql.bindAs(1, "integer");
    const value = sql.bindAs("k77", "text");
    const { given, read } = await explained(
      sql.statement(
        `SELECT "id" FROM ${table()} WHERE "tenant" = ${tenant} AND ${kindOf('"planned"."data"')} = ${value}`,
      ),
    );
    expect({ given, read }).toEqual({ given: 40, read: 40 });
  });

  it.each<[string, readonly string[]]>([
    ["the key", ["id ASC"]],
    ["the key downwards", ["id DESC"]],
    ["a nullable text", ["name ASC"]],
    ["a nullable text downwards", ["name DESC"]],
    ["a boolean and a nullable time", ["done ASC", "at ASC"]],
    ["a boolean and a nullable time downwards", ["done DESC", "at DESC"]],
    ["a number and a nullable text", ["rank ASC", "name ASC"]],
    ["a number and a nullable text downwards", ["rank DESC", "name DESC"]],
  ])("read each page in the order of %s and little else", async (_, terms) => {
    const orderBy = terms.map((term) => {
      const [column, direction] = term.split(" ") as [string, "ASC" | "DESC"];
      return { column, direction };
    });
    // Pages of some rows, before and after the first null, found by large strides in between.
    let cursor: string | undefined;
    const seen = new Set<unknown>();
    for (let page = 0; page < 9; page++) {
      const limit = page % 2 === 0 ? 50 : 22_000;
      const ask = () => storage.getPage({ orderBy, limit, cursor });
      let last: Awaited<ReturnType<typeof ask>> | undefined;
      const { read, nodes: used } = await reads(async () => {
        last = await ask();
      });
      for (const { id } of last?.items ?? []) seen.add(id);
      expect(last?.items.length, `page ${page}`).toBe(page === 8 ? 50 : limit);
      // One row more tells whether there is another page.
      if (limit === 50) {
        expect(read, `rows read for page ${page}`).toBeLessThanOrEqual(limit + 4);
        expect(used, `page ${page}`).not.toMatch(/Sort|Seq Scan/);
      }
      cursor = last?.nextCursor;
    }
    expect(seen.size).toBe(4 * 22_000 + 5 * 50);
  });
});
