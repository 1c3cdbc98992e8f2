import { TableSchema } from "@workglow/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StoreTransaction } from "../../src/connection/StoreTransaction.ts";
import { readLog } from "../../src/vector/readLog.ts";
import { tidyLog } from "../../src/vector/tidyLog.ts";
import { tidyTail } from "../../src/vector/tidyTail.ts";
import { VectorCache } from "../../src/vector/VectorCache.ts";
import { VectorWriter } from "../../src/vector/VectorWriter.ts";
import {
  createVectorStore,
  readRecords,
  type VectorRecord,
  vectorStore,
} from "../../src/vector/vectorRecords.ts";

const TABLE = "t";
const DIMENSIONS = 2;
const MADE = "made once";
/** So small that a few steps exceed one of them, or either. */
const limitsOfLog = fc.constantFrom(
  { smallRecords: 3, wasteBytes: 1e6 },
  { smallRecords: 1000, wasteBytes: 1000 },
  { smallRecords: 3, wasteBytes: 2500 },
);

const column = new TableSchema(
  {
    type: "object",
    properties: {
      id: { type: "integer" },
      v: { type: "array", format: "TypedArray:Float32Array" },
    },
    required: ["id", "v"],
  },
  ["id"],
).column("v");

type Direction = readonly [number, number];

const key = fc.integer({ min: 0, max: 12 });
const direction = fc.constantFrom<Direction[]>([1, 0], [0, 1], [-1, 0], [3, 4], [0, 0]);
const tenant = fc.constantFrom("one", "other");

/** What happens in one transaction, or what one of three realms does with its copy of the log. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      tenant,
      puts: fc.array(fc.tuple(key, direction), { maxLength: 4 }),
      deletes: fc.array(key, { maxLength: 3 }),
      touches: fc.array(key, { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      tenant,
      from: key,
      rows: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteAll" as const), tenant }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tidyTail" as const), tenant }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("read" as const, "tidy" as const),
      tenant,
      realm: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

const manySteps = fc.array(step, { minLength: 5, maxLength: 60, size: "max" });

async function open(hasTenants: boolean): Promise<IDBDatabase> {
  const opening = indexedDB.open(`log-${crypto.randomUUID()}`, 1);
  return new Promise((resolve, reject) => {
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(TABLE);
      createVectorStore(opening.result, TABLE, hasTenants);
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function write(
  db: IDBDatabase,
  work: (tx: StoreTransaction) => void | Promise<void>,
): Promise<void> {
  const raw = db.transaction([TABLE, vectorStore(TABLE)], "readwrite");
  const done = new Promise<void>((resolve, reject) => {
    raw.oncomplete = () => resolve();
    raw.onabort = () => reject(raw.error);
  });
  const tx = new StoreTransaction(raw, { onCommit: () => undefined });
  await work(tx);
  tx.runEndings();
  await done;
}

/** What a tenant's rows are, key by key; the other end of what is tested. */
class Truth {
  public readonly rows = new Map<number, Direction>();

  public best(query: Direction): string[] {
    return [...this.rows]
      .filter(([, [x, y]]) => x !== 0 || y !== 0)
      .map(
        ([id, [x, y]]) => `${id}: ${((x * query[0] + y * query[1]) / Math.hypot(x, y)).toFixed(5)}`,
      )
      .sort();
  }
}

function known(cache: VectorCache): string[] {
  const unit = new Float32Array(DIMENSIONS);
  return [...cache.keys()]
    .map((item) => {
      cache.writeUnit(item, unit, 0);
      const id = Array.isArray(item) ? item.at(-1) : item;
      return `${String(id)}: ${(unit[0] as number).toFixed(5)}`;
    })
    .sort();
}

describe.each([{ hasTenants: false }, { hasTenants: true }])(
  "the log of a table's vectors (tenants: $hasTenants)",
  ({ hasTenants }) => {
    it("tells every realm the truth, wherever it has stopped reading and whoever tidies up", async () => {
      const tidied = { merged: 0, rewritten: 0, tails: 0 };
      await fc.assert(
        fc.asyncProperty(limitsOfLog, manySteps, async (limits, steps) => {
          const db = await open(hasTenants);
          const realms = [0, 1, 2].map(() => new Map<string, VectorCache>());
          const truths = new Map<string, Truth>();
          const tenantOf = (name: string) => (hasTenants ? [name] : []);
          const keyOf = (name: string, id: number) => (hasTenants ? [name, id] : id);
          const truthOf = (name: string): Truth => {
            const identity = tenantOf(name).join();
            const truth = truths.get(identity) ?? new Truth();
            truths.set(identity, truth);
            return truth;
          };
          const writer = (tx: StoreTransaction, name: string) =>
            new VectorWriter(tx, {
              table: TABLE,
              column,
              dimensions: DIMENSIONS,
              tenant: tenantOf(name),
            });
          const check = async (realm: number, name: string): Promise<void> => {
            const caches = realms[realm] as Map<string, VectorCache>;
            const identity = tenantOf(name).join();
            const cache = caches.get(identity) ?? new VectorCache(DIMENSIONS, limits);
            caches.set(identity, cache);
            const store = db.transaction(vectorStore(TABLE)).objectStore(vectorStore(TABLE));
            await readLog({ store, tenant: tenantOf(name), made: MADE }, cache, undefined);
            expect(known(cache)).toEqual(truthOf(name).best([1, 0]));
            const items = cache.nominate(Float32Array.of(1, 0), 100, undefined);
            expect(items).toHaveLength(known(cache).length);
          };
          for (const one of steps) {
            const truth = truthOf(one.tenant);
            if (one.kind === "write") {
              await write(db, (tx) => {
                const vectors = writer(tx, one.tenant);
                for (const [id, [x, y]] of one.puts) {
                  truth.rows.set(id, [x, y]);
                  vectors.put(keyOf(one.tenant, id), { id, v: Float32Array.of(x, y) });
                }
                for (const id of one.deletes) {
                  truth.rows.delete(id);
                  vectors.delete(keyOf(one.tenant, id));
                }
                for (const id of one.touches) {
                  const there = truth.rows.get(id);
                  if (there === undefined) continue;
                  const row = () => ({ id, v: Float32Array.from(there) });
                  vectors.replace(keyOf(one.tenant, id), row(), row(), vectors.told);
                }
              });
            } else if (one.kind === "cut") {
              const { from, rows } = one;
              for (let id = from; id < from + rows; id++) truth.rows.delete(id);
              await write(db, (tx) => {
                const ends = [from, from + rows].map((id) => keyOf(one.tenant, id));
                const range = IDBKeyRange.bound(ends[0], ends[1], false, true);
                writer(tx, one.tenant).deleteRange(range);
              });
            } else if (one.kind === "tidyTail") {
              const log = {
                table: TABLE,
                tenant: tenantOf(one.tenant),
                dimensions: DIMENSIONS,
              };
              const smallOf = (records: VectorRecord[]) =>
                records.filter(({ cut }) => cut === undefined);
              await write(db, async (tx) => {
                const store = tx.store(vectorStore(TABLE));
                const before = smallOf(await readRecords(store, log.tenant, 0, 1000));
                await tidyTail({ ...log, tx }, 2);
                const after = smallOf(await readRecords(store, log.tenant, 0, 1000));
                expect(after).toHaveLength(Math.min(before.length, 1));
                if (before.length > 1) tidied.tails++;
              });
            } else if (one.kind === "deleteAll") {
              truth.rows.clear();
              await write(db, (tx) => writer(tx, one.tenant).deleteAll());
            } else {
              await check(one.realm, one.tenant);
              if (one.kind === "tidy") {
                const identity = tenantOf(one.tenant).join();
                const cache = realms[one.realm]?.get(identity) as VectorCache;
                if (cache.isWasteful) tidied.rewritten++;
                else if (cache.isScattered) tidied.merged++;
                await write(db, (tx) =>
                  tidyLog(
                    {
                      tx,
                      table: TABLE,
                      tenant: tenantOf(one.tenant),
                      dimensions: DIMENSIONS,
                      made: MADE,
                    },
                    cache,
                  ),
                );
                await check(one.realm, one.tenant);
                expect(cache.isScattered || cache.isWasteful).toBe(false);
              }
            }
          }
          for (const realm of realms.keys()) {
            for (const name of ["one", "other"]) await check(realm, name);
          }
          db.close();
        }),
        { numRuns: 200 },
      );
      expect(tidied.tails).toBeGreaterThan(20);
      expect(tidied.merged).toBeGreaterThan(20);
      expect(tidied.rewritten).toBeGreaterThan(20);
    });
  },
);
