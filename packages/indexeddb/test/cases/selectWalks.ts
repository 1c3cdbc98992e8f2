import {
  compileCriteria,
  compilePrefixes,
  completeOrder,
  type Row,
  type SearchCriteria,
  TableSchema,
} from "@workglow/storage";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { request } from "../../src/connection/request.ts";
import { RecordCodec } from "../../src/records/RecordCodec.ts";
import { deleteRows, type RowRemoval } from "../../src/select/deleteRows.ts";
import { selectRows } from "../../src/select/selectRows.ts";
import type { TableRead } from "../../src/select/TableRead.ts";
import { RowStore } from "./rowStore.ts";

const schema = {
  type: "object",
  properties: { id: { type: "integer" }, city: { type: "string" }, odd: { type: "boolean" } },
  required: ["id", "city", "odd"],
  additionalProperties: false,
} as const;

const table = new TableSchema(schema, ["id"], ["city"]);
const row = (id: number): Row => ({ id, city: `city ${id % 3}`, odd: id % 2 === 1 });
const rows = (length: number) => Array.from({ length }, (_, id) => row(id));

const tenant = (value: string) =>
  compilePrefixes(
    { prefixes: [{ name: "tenant", type: "uuid" }], prefixValues: { tenant: value } },
    () => false,
  );

const removal = ({ store }: TableRead) => ({
  delete: vi.fn(async (key: IDBValidKey) => {
    await request(store.delete(key));
  }),
  deleteRange: vi.fn(async (range: IDBKeyRange | undefined) => {
    await request(range === undefined ? store.clear() : store.delete(range));
  }),
});

type Criteria = SearchCriteria<Record<string, unknown>>;

describe("deleting rows", () => {
  const ROWS = 3000;
  let store: RowStore;

  beforeEach(async () => {
    store = await RowStore.open(new RecordCodec(table, []));
    await store.put(rows(ROWS));
  });

  const remove = (criteria: Criteria | undefined, visit?: (rows: readonly Row[]) => void) =>
    store.read(async (read) => {
      const spied = removal(read);
      const where = criteria && compileCriteria(table, criteria);
      await deleteRows(read, where, spied satisfies RowRemoval, visit);
      return spied;
    });

  const left = (isLeft: (id: number) => boolean) =>
    rows(ROWS)
      .map(({ id }) => id as number)
      .filter(isLeft);

  it("takes one request for a range of keys, and loads nothing", async () => {
    const range = { id: { operator: ">=", value: 100 } } as const;
    const { result, rowsRead, keysRead } = await remove(range);
    expect(result.deleteRange).toHaveBeenCalledTimes(1);
    expect(result.delete).not.toHaveBeenCalled();
    expect({ rowsRead, keysRead }).toEqual({ rowsRead: 0, keysRead: 0 });
    expect(await store.keys()).toEqual(left((id) => id < 100));
  });

  it("loads keys alone for a range of an index", async () => {
    const { rowsRead, keysRead } = await remove({ city: { operator: "!=", value: "city 1" } });
    expect({ rowsRead, keysRead }).toEqual({ rowsRead: 0, keysRead: 2000 });
    expect(await store.keys()).toEqual(left((id) => id % 3 === 1));
  });

  it("loads the rows that a filter has to see, page by page", async () => {
    const { rowsRead } = await remove({ city: "city 1", odd: true });
    expect(rowsRead).toBe(1000);
    expect(await store.keys()).toEqual(left((id) => id % 3 !== 1 || id % 2 === 0));
  });

  it("shows every row that goes, once", async () => {
    const seen: Row[] = [];
    await remove({ odd: true }, (page) => seen.push(...page));
    expect(seen).toEqual(rows(ROWS).filter(({ odd }) => odd));
    expect(await store.keys()).toEqual(left((id) => id % 2 === 0));
    seen.length = 0;
    await remove(undefined, (page) => seen.push(...page));
    expect(seen).toHaveLength(ROWS / 2);
    expect(await store.keys()).toEqual([]);
  });

  it("empties the store in one request", async () => {
    const { result } = await remove(undefined);
    expect(result.deleteRange.mock.calls).toEqual([[undefined]]);
    expect(await store.keys()).toEqual([]);
  });

  it("leaves other tenants alone", async () => {
    const ours = new RecordCodec(table, tenant("users"));
    const theirs = new RecordCodec(table, tenant("users2"));
    const shared = await RowStore.open(ours);
    await shared.put(rows(10));
    await shared.put(rows(10), theirs);
    const conditions: (Criteria | undefined)[] = [{ city: "city 1" }, { odd: true }, undefined];
    for (const criteria of conditions) {
      await shared.read((read) =>
        deleteRows(read, criteria && compileCriteria(table, criteria), removal(read)),
      );
    }
    expect(await shared.keys()).toEqual(rows(10).map(({ id }) => ["users2", id]));
  });
});

describe("a read", () => {
  const plan = {
    where: compileCriteria(table, { odd: true }),
    order: completeOrder(table, undefined),
    limit: undefined,
    offset: undefined,
    after: undefined,
    columns: table.columns,
  };

  it("ends between two pages when its signal aborts", async () => {
    const store = await RowStore.open(new RecordCodec(table, []));
    await store.put(rows(3000));
    const controller = new AbortController();
    const reason = new Error("enough");
    let read: TableRead | undefined;
    await expect(
      store.read(
        async (given) => {
          read = given;
          queueMicrotask(() => controller.abort(reason));
          return selectRows(given, plan);
        },
        { signal: controller.signal },
      ),
    ).rejects.toBe(reason);
    expect(read?.statistics?.rowsRead).toBe(64);
  });

  it("sends its first request at once, so that it can share a transaction", async () => {
    const store = await RowStore.open(new RecordCodec(table, []));
    await store.put(rows(3));
    const { result } = await store.read(async (read) => {
      const before = selectRows(read, { ...plan, where: undefined });
      read.store.put(new RecordCodec(table, []).record(row(4)), 4);
      const after = selectRows(read, { ...plan, where: undefined });
      return [(await before).length, (await after).length];
    });
    expect(result).toEqual([3, 4]);
  });

  it("gives rows that nobody else holds", async () => {
    const store = await RowStore.open(new RecordCodec(table, []));
    await store.put(rows(3));
    const everything = { ...plan, where: undefined };
    const { result: first } = await store.read((read) => selectRows(read, everything));
    (first[0] as Row).city = "elsewhere";
    const { result: second } = await store.read((read) => selectRows(read, everything));
    expect(second).toEqual(rows(3));
  });
});
