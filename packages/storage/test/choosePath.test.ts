import { describe, expect, it } from "vitest";
import {
  compileCriteria,
  completeOrder,
  or,
  type SearchCriteria,
  TableSchema,
} from "../src/index.ts";
import {
  type ChosenPath,
  choosePath,
  IndexPath,
  type RowPath,
  UnionPath,
} from "../src/tabular/paths/index.ts";

const table = new TableSchema(
  {
    type: "object",
    properties: {
      id: { type: "integer" },
      city: { type: "string" },
      age: { type: "integer" },
      note: { type: "string" },
    },
    required: ["id", "city", "age", "note"],
    additionalProperties: false,
  },
  ["id"],
);

interface NamedIndex {
  readonly name: string;
  readonly columns: TableSchema["columns"];
}

const index = (...names: string[]): NamedIndex => ({
  name: names.join("+"),
  columns: [...names, "id"].map((name) => table.column(name)),
});
const key: NamedIndex = { name: "id", columns: table.keyColumns };

type Criteria = SearchCriteria<Record<string, unknown>>;

interface Asked {
  readonly where?: Criteria;
  readonly orderBy?: Readonly<Record<string, "ASC" | "DESC">>;
  readonly wanted?: number;
  readonly size?: number;
  readonly indexes: readonly NamedIndex[];
}

const nameOf = (path: RowPath<NamedIndex>): string =>
  path instanceof UnionPath ? path.paths.map(nameOf).join("|") : path.index.name;

/** Runs a choice on made-up counts and tells what was counted. */
function chosen(
  { where, orderBy = {}, wanted = Number.POSITIVE_INFINITY, size, indexes }: Asked,
  counts: Readonly<Record<string, number>> = {},
): ChosenPath<NamedIndex> & { readonly counted: readonly string[] } {
  const choice = choosePath({
    where: where && compileCriteria(table, where),
    order: completeOrder(
      table,
      Object.entries(orderBy).map(([column, direction]) => ({ column, direction })),
    ),
    wanted,
    size,
    indexes: [key, ...indexes],
  });
  const counted: string[] = [];
  let step = choice.next();
  while (!step.done) {
    const { paths, most } = step.value;
    counted.push(...paths.map(nameOf));
    step = choice.next(paths.map((path) => Math.min(counts[nameOf(path)] ?? most, most)));
  }
  return { ...step.value, counted };
}

describe("the choice of an index", () => {
  const city = index("city");
  const age = index("age");
  const both = index("city", "age");

  it("counts nothing where one index has all conditions, or a key tells how few rows there are", () => {
    const where = { city: "a", age: 3 };
    for (const asked of [
      { where, indexes: [city, age, both] },
      { where: { ...where, id: 7 }, indexes: [city, age] },
      {
        where: { id: { operator: "in", value: [1, 2, 3] }, city: "a" } as Criteria,
        indexes: [city],
      },
    ]) {
      expect(chosen(asked).counted).toEqual([]);
    }
    expect(nameOf(chosen({ where, indexes: [city, age, both] }).path)).toBe("city+age");
    expect(chosen({ where: { ...where, id: 7 }, indexes: [city, age] }).path.mostRows).toBe(1);
  });

  it("counts each stretch once, and takes the shortest", () => {
    const where = { city: "a", age: 3 };
    const indexes = [city, index("city", "note"), age];
    const found = chosen({ where, indexes }, { city: 50, age: 7 });
    expect(found.counted).toEqual(["city", "age"]);
    expect(nameOf(found.path)).toBe("age");
    expect(found.rest).toMatchObject({ column: { name: "city" } });
    expect(found.rivals).toEqual([]);
  });

  it("weighs a stretch against the order by the number of rows", () => {
    const asked: Asked = {
      where: { city: "a" },
      orderBy: { age: "DESC" },
      wanted: 10,
      size: 100_000,
      indexes: [city, age],
    };
    // √(10 · 100,000) is 1,000.
    expect(nameOf(chosen(asked, { city: 1000 }).path)).toBe("city");
    expect(nameOf(chosen(asked, { city: 1001 }).path)).toBe("age");
  });

  it("takes the order where it is not known how many rows there are, and names what might be shorter", () => {
    const asked: Asked = {
      where: { city: "a", note: "b" },
      orderBy: { age: "DESC" },
      wanted: 10,
      indexes: [age, city, index("city", "note"), index("note")],
    };
    const found = chosen(asked);
    expect(found.counted).toEqual([]);
    expect(nameOf(found.path)).toBe("age");
    expect(found.rivals.map(({ path }) => nameOf(path))).toEqual(["city+note", "city", "note"]);
    expect(found.rivals[0]?.rest).toBeUndefined();
  });

  it("names none where the order's own index is the narrowest, or has all conditions", () => {
    const ordered = { orderBy: { age: "ASC" }, wanted: 10 } as const;
    const narrowest = { where: { city: "a", note: "b" }, ...ordered, indexes: [both, city] };
    expect(chosen(narrowest)).toMatchObject({ counted: [], rivals: [] });
    expect(nameOf(chosen(narrowest).path)).toBe("city+age");
    const complete = { where: { city: "a" }, ...ordered, indexes: [both, city] };
    expect(chosen(complete)).toMatchObject({ counted: [], rivals: [], rest: undefined });
  });

  it("counts where no index has anything of the order, as all of a stretch has to be read", () => {
    const asked: Asked = {
      where: { city: "a", age: 3 },
      orderBy: { note: "ASC" },
      wanted: 10,
      indexes: [city, age],
    };
    const found = chosen(asked, { city: 20, age: 90 });
    expect(nameOf(found.path)).toBe("city");
    expect(found.rivals).toEqual([]);
  });

  it("joins the paths of alternatives that each have an index", () => {
    const where = or<Record<string, unknown>>({ city: "a" }, { age: 3 });
    const found = chosen({ where, indexes: [city, age] });
    expect(nameOf(found.path)).toBe("city|age");
    expect(found.path.mostRows).toBe(Number.POSITIVE_INFINITY);
    expect(chosen({ where, indexes: [city] }).path).toBeInstanceOf(IndexPath);
    const keys = or<Record<string, unknown>>(
      { id: 1, city: "a" },
      { id: { operator: "in", value: [2, 3] }, age: 1 },
    );
    expect(chosen({ where: keys, indexes: [] }).path.mostRows).toBe(3);
  });
});
