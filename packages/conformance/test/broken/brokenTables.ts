import { type TestRow, type TestTabular, tabularSuite } from "@workglow/conformance";
import type { OrderBy } from "@workglow/storage";
import { StorageConflictError } from "@workglow/util";
import type { Alteration } from "../broken-queue/altered.ts";
import {
  type BrokenStorage,
  makeTabular,
  optionsOf,
  soundBackend,
  withTabular,
} from "./memoryStorages.ts";

const broken = (
  defect: string,
  foundBy: string,
  alteration: Alteration<TestTabular>,
  failsWith?: string,
): BrokenStorage => ({
  defect,
  suite: tabularSuite,
  foundBy,
  backend: withTabular(alteration),
  ...(failsWith !== undefined && { failsWith }),
});

/** Changes the rows that reads give. */
const reading =
  (change: (row: TestRow) => TestRow): Alteration<TestTabular> =>
  (table) => ({
    get: async (key) => mapped(await table.get(key), change),
    getAll: async (options) => (await table.getAll(options))?.map(change),
  });

const mapped = (row: TestRow | undefined, change: (row: TestRow) => TestRow) => row && change(row);

/** Changes all rows of an ordered read, given its order. */
const ordering =
  (
    arrange: (rows: TestRow[], column: string, direction: "ASC" | "DESC") => TestRow[],
  ): Alteration<TestTabular> =>
  (table) => {
    const arranged = (rows: TestRow[] | undefined, { orderBy }: { orderBy?: OrderBy<TestRow> }) => {
      const [first = { column: "id", direction: "ASC" as const }] = orderBy ?? [];
      return rows && arrange(rows, String(first.column), first.direction);
    };
    return {
      getAll: async (options = {}) => arranged(await table.getAll(options), options),
      query: async (given, options = {}) => arranged(await table.query(given, options), options),
    };
  };

const ORDER =
  "orders by any columns, nulls first ascending and last descending, ties by key in the last direction";

const order: readonly BrokenStorage[] = [
  broken(
    "texts are ordered by UTF-16 units",
    "orders texts by code point, whether the column has an index or not",
    ordering((rows, column, direction) => {
      const sorted = [...rows].sort((a, b) => (String(a[column]) < String(b[column]) ? -1 : 1));
      return direction === "ASC" ? sorted : sorted.reverse();
    }),
  ),
  broken(
    "rows with null are missing from an index",
    ORDER,
    ordering((rows, column) => rows.filter((row) => row[column] !== null)),
  ),
  broken(
    "nulls come last ascending",
    ORDER,
    ordering((rows, column) => [
      ...rows.filter((row) => row[column] !== null),
      ...rows.filter((row) => row[column] === null),
    ]),
  ),
  broken(
    "ties keep the order of the key whatever the direction",
    "breaks ties by the whole compound key",
    ordering((rows, column) =>
      [...rows].sort((a, b) =>
        a[column] !== b[column] ? 0 : (a.rank as number) - (b.rank as number),
      ),
    ),
  ),
  broken("the limit is ignored", "limit and offset cut the ordered rows", (table) => ({
    query: (criteria, { limit: _, ...options } = {}) => table.query(criteria, options),
  })),
  broken("select is ignored", "select gives the columns asked for and no other", (table) => ({
    getAll: ({ select: _, ...options } = {}) => table.getAll(options),
  })),
  broken(
    "pages go by offset",
    "pages stay right while rows come and go, nulls and mixed directions included",
    (table) => ({
      getPage: async ({ cursor = "0", limit = 100, orderBy, criteria } = {}) => {
        const options = { offset: Number(cursor), limit, ...(orderBy && { orderBy }) };
        const items = await (criteria ? table.query(criteria, options) : table.getAll(options));
        const next = Number(cursor) + limit;
        return {
          items: items ?? [],
          ...(next < (await table.size()) && { nextCursor: `${next}` }),
        };
      },
    }),
  ),
  broken("records go by offset", "records stay right while rows come and go", (table) => ({
    records: async function* (pageSize = 100) {
      for (let offset = 0; ; offset += pageSize) {
        const rows = (await table.getBulk(offset, pageSize)) ?? [];
        yield* rows;
        if (rows.length < pageSize) return;
      }
    },
  })),
  broken(
    "cursors are not checked",
    "cursors that were changed, cut, made up or made for another query are refused",
    (table) => ({
      getPage: (options) =>
        table.getPage(options).catch(() => table.getPage({ ...options, cursor: undefined })),
    }),
  ),
  broken("an empty result is an empty list", "starts empty", (table) => ({
    query: async (criteria, options) => (await table.query(criteria, options)) ?? [],
  })),
  broken(
    "getMany gives rows in the order of the table",
    "getMany keeps the order given, leaves missing rows out and repeats none",
    (table) => ({
      getMany: async (keys) => {
        const wanted = new Set((await table.getMany(keys)).map((row) => JSON.stringify(row)));
        return ((await table.getAll()) ?? []).filter((row) => wanted.has(JSON.stringify(row)));
      },
    }),
  ),
];

const criteria: readonly BrokenStorage[] = [
  broken("!= leaves rows with null out", "!= and not-in hold for null", (table) => ({
    query: async (given, options) => {
      const rows = await table.query(given, options);
      const unequal = Object.entries(given).filter(
        ([, condition]) => operatorOf(condition) === "!=",
      );
      const kept = rows?.filter((row) => unequal.every(([column]) => row[column] !== null));
      return kept?.length === 0 ? undefined : kept;
    },
  })),
  broken(
    "prefix takes % and _ as wildcards",
    "prefix takes its text literally, and by code point",
    (table) => ({
      query: async (given, options) => {
        const [[column, condition] = ["", undefined]] = Object.entries(given);
        if (operatorOf(condition) !== "prefix") return table.query(given, options);
        const { value } = condition as { value: string };
        const like = likePattern(value);
        const rows = ((await table.getAll()) ?? []).filter((row) => like.test(String(row[column])));
        return rows.length === 0 ? undefined : rows;
      },
    }),
  ),
  broken(
    "texts are equal whatever their case",
    "texts compare by their exact characters",
    (table) => ({
      query: async (given, options) => {
        const [[column, value] = ["", undefined]] = Object.entries(given);
        if (typeof value !== "string") return table.query(given, options);
        return (await table.getAll())?.filter(
          (row) => String(row[column]).toLowerCase() === value.toLowerCase(),
        );
      },
    }),
  ),
  broken(
    "an unknown operator means equality",
    "unknown operators are refused wherever criteria are taken, and nothing is deleted",
    (table) => ({
      query: (given, options) => {
        const known = /^(=|!=|<|<=|>|>=|in|not-in|prefix)$/;
        const entries = Object.entries(given).map(([column, condition]) => {
          const operator = operatorOf(condition);
          return [
            column,
            operator === undefined || known.test(String(operator))
              ? condition
              : (condition as { value: unknown }).value,
          ];
        });
        return table.query(Object.fromEntries(entries), options);
      },
    }),
  ),
  broken(
    "a column of Object.prototype is taken for one",
    "unknown columns are refused wherever criteria are taken, and nothing is deleted",
    (table) => ({
      query: async (given, options) =>
        Object.keys(given).some((column) => column in {}) ? undefined : table.query(given, options),
    }),
  ),
  broken(
    "deleteSearch without criteria deletes everything",
    "deleteSearch removes what matches, and nothing for empty criteria",
    (table) => ({
      deleteSearch: (given) =>
        Object.keys(given).length === 0 ? table.deleteAll() : table.deleteSearch(given),
    }),
  ),
  broken("undefined in criteria is dropped", "refuses undefined as a value", (table) => ({
    count: (given = {}) => {
      const defined = Object.entries(given).filter(([, value]) => value !== undefined);
      return table.count(Object.fromEntries(defined));
    },
  })),
];

function likePattern(text: string): RegExp {
  const escaped = text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("%", ".*").replaceAll("_", ".")}`, "u");
}

function operatorOf(condition: unknown): unknown {
  return (condition as { operator?: unknown } | null | undefined)?.operator;
}

const writes: readonly BrokenStorage[] = [
  broken(
    "a bulk gives its rows in another order",
    "putBulk stores all rows and gives them in the order of the input",
    (table) => ({
      putBulk: async (rows) =>
        (await table.putBulk(rows)).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1)),
    }),
  ),
  broken(
    "a bulk with a bad row stores the rows before it",
    "putBulk stores nothing when one row is bad",
    (table) => ({
      putBulk: async (rows) => {
        const stored: TestRow[] = [];
        for (const row of rows) stored.push(await table.put(row));
        return stored;
      },
    }),
  ),
  broken(
    "update reads and writes in two steps",
    "concurrent compare-and-set loses no increment",
    (table) => ({
      update: async (key, patch, { expect } = {}) => {
        const row = await table.get(key);
        const held = Object.entries(expect ?? {}).every(
          ([column, value]) => row?.[column] === value,
        );
        return row && held ? table.put({ ...row, ...patch }) : undefined;
      },
    }),
  ),
  broken("insert overwrites", "insert stores a new row and conflicts on a taken key", (table) => ({
    insert: (row) => table.put(row),
  })),
  broken(
    "put merges with the row that is there",
    "put replaces the whole row, absent properties included",
    (table) => ({
      put: async (row) => table.put({ ...(await table.get({ id: row.id })), ...row }),
    }),
  ),
  broken(
    "undefined in a patch is ignored",
    "undefined in a patch removes the property",
    (table) => ({
      update: (key, patch, options) =>
        table.update(
          key,
          Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)),
          options,
        ),
    }),
  ),
  {
    defect: "unique indexes are not kept",
    suite: tabularSuite,
    foundBy: "a unique index refuses a second row with its value, in every writing method",
    backend: {
      ...soundBackend,
      tabular: (database, spec) => {
        const { uniqueIndexes: _, ...options } = optionsOf(spec);
        return makeTabular(database, { ...spec, options });
      },
    },
  },
  broken(
    "a unique index takes nulls for equal",
    "a unique index takes any number of nulls",
    (table) => ({
      putBulk: async (rows) => {
        const values = rows.map(({ country, number }) => JSON.stringify([country, number]));
        if (new Set(values).size < values.length)
          throw new StorageConflictError("taken").locate("t", "putBulk");
        return table.putBulk(rows);
      },
    }),
    "StorageConflictError",
  ),
  broken(
    "a put is delayed past later calls",
    "calls on one key take effect in the order in which they were made",
    (table) => ({
      put: async (row) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return table.put(row);
      },
    }),
  ),
  broken(
    "generated ids are given again after deletes",
    "ids are not given again after deletes",
    (table) => ({
      put: async (row) =>
        "id" in row ? table.put(row) : table.put({ ...row, id: (await largestId(table)) + 1 }),
    }),
  ),
  broken(
    "generated ids count the rows and overwrite",
    "given and generated ids, all at once, overwrite nothing",
    (table) => ({
      put: async (row) =>
        "id" in row ? table.put(row) : table.put({ ...row, id: (await table.size()) + 1 }),
    }),
  ),
  broken(
    "a generated text is no UUID",
    "a text key is a UUID of version 7, in the order of the calls",
    (table) => ({
      put: (row) =>
        table.put(
          table.schema.properties.id && !("id" in row) ? { ...row, id: `${Math.random()}` } : row,
        ),
    }),
  ),
];

async function largestId(table: TestTabular): Promise<number> {
  return Math.max(0, ...((await table.getAll()) ?? []).map(({ id }) => id as number));
}

/** Remembers a property that was given in a form that rows do not keep, and gives it back so. */
function keeping(column: string, isOdd: (value: unknown) => boolean): Alteration<TestTabular> {
  const given = new Map<unknown, unknown>();
  const restore = (row: TestRow): TestRow =>
    given.has(row.id) ? { ...row, [column]: given.get(row.id) } : row;
  return (table) => ({
    ...reading(restore)(table),
    put: async (row) => {
      if (isOdd(row[column])) given.set(row.id, row[column]);
      else given.delete(row.id);
      return restore(await table.put(row));
    },
  });
}

const values: readonly BrokenStorage[] = [
  broken(
    "-0 is kept",
    "turns -0 into 0",
    keeping("number", (value) => Object.is(value, -0)),
  ),
  broken(
    "date-times are kept as they are spelt",
    "keeps date-times in one form, whatever their spelling",
    keeping("at", (value) => typeof value === "string"),
  ),
  broken(
    "int64 goes through a double",
    "gives back the values of a big column as they were",
    reading((row) => ("big" in row ? { ...row, big: BigInt(Number(row.big)) } : row)),
  ),
  broken(
    "bytes come back as a plain list",
    "gives back the values of a bytes column as they were",
    reading((row) => ("bytes" in row ? { ...row, bytes: [...(row.bytes as Uint8Array)] } : row)),
  ),
  broken(
    "an absent property comes back as null",
    "keeps absent and null apart, except where the schema allows both",
    reading((row) => ({ absent: null, absentJson: null, ...row })),
  ),
  broken(
    "numbers are taken as texts",
    "refuses values of the wrong type or range in every writing method, and changes nothing",
    (table) => ({
      put: (row) => table.put(typeof row.text === "number" ? { ...row, text: `${row.text}` } : row),
    }),
  ),
  broken(
    "what get gives is what the next get gives",
    "copies what it is given and gives copies out",
    (table) => {
      const given = new Map<string, TestRow>();
      return {
        get: async (key) => {
          const id = JSON.stringify(key);
          const row = given.get(id) ?? (await table.get(key));
          if (row) given.set(id, row);
          return row;
        },
        query: async (criteria, options) => {
          const rows = await table.query(criteria, options);
          for (const row of rows ?? []) given.set(JSON.stringify({ id: row.id }), row);
          return rows;
        },
      };
    },
  ),
  broken(
    "a property __proto__ is lost",
    "keeps a column called __proto__'s namesakes apart inside JSON",
    reading((row) => ({ ...row, object: Object.assign({}, row.object) })),
  ),
];

const frame: readonly BrokenStorage[] = [
  broken(
    "a bulk emits one event",
    "putBulk emits put once per row, in the order of the input",
    (table) => {
      const listeners: ((row: TestRow) => void)[] = [];
      return {
        on: (name, fn) => (name === "put" ? void listeners.push(fn as never) : table.on(name, fn)),
        putBulk: async (rows) => {
          const stored = await table.putBulk(rows);
          for (const listener of listeners) for (const row of stored.slice(-1)) listener(row);
          return stored;
        },
      };
    },
  ),
  broken(
    "deleting a row that is not there emits delete",
    "delete emits delete with the key, for rows that were there only",
    (table) => ({
      delete: async (key) => {
        const wasThere = await table.get({ id: key.id });
        await table.delete(key);
        if (!wasThere) table.emit("delete", key);
      },
    }),
  ),
  broken(
    "deleteAll emits delete for each row",
    "deleteAll emits clearall once, and no delete",
    (table) => ({
      deleteAll: async () => {
        for (const { id } of (await table.getAll()) ?? []) table.emit("delete", { id });
        await table.deleteAll();
      },
    }),
  ),
  broken("events come before the write", "emits after the write can be read", (table) => {
    let silent = false;
    return {
      once: (name, fn) =>
        table.once(name, ((row: never) => silent || (fn as (row: never) => void)(row)) as never),
      put: (row) => {
        table.emit("put", row);
        silent = true;
        return new Promise((resolve) => setTimeout(() => resolve(table.put(row)), 1));
      },
    };
  }),
  broken(
    "a listener that throws fails the write",
    "a listener that throws fails neither the write nor other listeners, and is reported",
    (table) => {
      const listeners: ((row: TestRow) => void)[] = [];
      return {
        on: (name, fn) => (name === "put" ? void listeners.push(fn as never) : table.on(name, fn)),
        put: async (row) => {
          const stored = await table.put(row);
          for (const listener of listeners) listener(stored);
          return stored;
        },
      };
    },
    "Error",
  ),
  broken(
    "signals are ignored",
    "a call with an aborted signal rejects with its reason and does nothing",
    (table) => ({
      put: (row) => table.put(row),
    }),
  ),
  broken(
    "timeouts are not checked",
    "refuses a timeout that is no positive number of milliseconds",
    (table) => ({
      getPage: ({ timeoutMs: _, ...options } = {}) => table.getPage(options),
    }),
  ),
  broken(
    "a destroyed storage goes on working",
    "after destroy() every call is a StorageClosedError",
    (table) => {
      let destroyed = false;
      return {
        destroy: () => {
          destroyed = true;
          table.destroy();
        },
        size: async (options) => (destroyed ? 0 : table.size(options)),
      };
    },
  ),
  broken("await using does not wait", "await using waits for the running calls", (table) => ({
    put: (row) => new Promise((resolve) => setTimeout(() => resolve(table.put(row)), 5)),
    [Symbol.asyncDispose]: async () => {},
  })),
];

export const BROKEN_TABLES: readonly BrokenStorage[] = [
  ...order,
  ...criteria,
  ...writes,
  ...values,
  ...frame,
];
