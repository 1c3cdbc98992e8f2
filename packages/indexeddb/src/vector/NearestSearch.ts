import {
  type Column,
  cell,
  type NearestPlan,
  NearestRanking,
  type Predicate,
  type Row,
} from "@workglow/storage";
import { IndexPath } from "@workglow/storage/paths";
import { request } from "../connection/request.ts";
import { choosePathIn } from "../select/choosePathIn.ts";
import { inGroups } from "../select/inGroups.ts";
import { matchingPages } from "../select/matchingPages.ts";
import { readKeys } from "../select/readStretch.ts";
import { stretchesOf } from "../select/Stretch.ts";
import type { TableRead } from "../select/TableRead.ts";
import { columnsOf } from "./columnsOf.ts";
import { readLog, type VectorLog } from "./readLog.ts";
import type { VectorCache, VectorItem } from "./VectorCache.ts";

/** Where more rows are nominated than this, and most of them, they are read side by side. */
const MANY_ROWS = 1024;
/** So many rows are got one by one, and so many keys read, whatever the size of the table. */
const FEW_ROWS = 64;

/** So many stretches of an index are read together. */
const STRETCHES_AT_ONCE = 8;

/** What an index tells of a filter, if it does. */
interface IndexedKeys {
  readonly keys: readonly IDBValidKey[] | undefined;
}

/** What a search knows of the cache. */
interface CacheState {
  readonly position: number;
  /** Whether the cache is still at that record. */
  readonly isCurrent: () => boolean;
  /** Unless it has not been asked yet. */
  readonly indexed: IndexedKeys | undefined;
}

/** One search of a table's rows, inside a transaction. */
export class NearestSearch {
  private readonly read: TableRead;
  private readonly plan: NearestPlan;
  private readonly ranking: NearestRanking;

  public constructor(read: TableRead, plan: NearestPlan) {
    this.read = read;
    this.plan = plan;
    this.ranking = new NearestRanking(read.codec.table, plan);
  }

  /** Compares all rows that the filter lets through, page after page. */
  public async scan(): Promise<Row[]> {
    const { where, column } = this.plan;
    const choice = choosePathIn(this.read, { where, order: [], wanted: Number.POSITIVE_INFINITY });
    const chosen = choice instanceof Promise ? await choice : choice;
    for await (const rows of matchingPages(this.read, chosen)) {
      for (const row of rows) if (ArrayBuffer.isView(cell(row, column))) this.ranking.add(row);
    }
    return this.results();
  }

  /**
   * Compares the rows that the cache nominates. `undefined` when the cache has gone on, by another
   * search, to a newer state than the transaction sees.
   */
  public async among(cache: VectorCache, log: VectorLog): Promise<Row[] | undefined> {
    const { plan, read } = this;
    const { where } = plan;
    const goesByIndex = where !== undefined && !cache.isEmpty && !cache.keeps(columnsOf(where));
    // Sent together, requests do not wait for each other's answers.
    const [position, indexed] = await Promise.all([
      readLog(log, cache, read.signal),
      goesByIndex ? this.indexedKeys(where, fewOf(cache)) : undefined,
    ]);
    const isCurrent = (): boolean => cache.isAt(log.made, position);
    if (!isCurrent()) return undefined;
    let items: Iterable<VectorItem> | undefined;
    if (where !== undefined) {
      items = await this.matching(cache, where, { position, isCurrent, indexed });
      if (items === undefined) return undefined;
    }
    const nominated = cache.nominate(plan.query, plan.count, items);
    if (nominated.length > MANY_ROWS && nominated.length * 2 > cache.size) return this.scan();
    for (const row of await this.rowsOf(nominated)) if (row !== undefined) this.ranking.add(row);
    return this.results();
  }

  /** The items that the filter lets through, `undefined` once the cache has gone on. */
  private async matching(
    cache: VectorCache,
    where: Predicate,
    { position, isCurrent, indexed }: CacheState,
  ): Promise<Iterable<VectorItem> | undefined> {
    const columns = columnsOf(where);
    if (!cache.keeps(columns)) {
      const { keys } = indexed ?? (await this.indexedKeys(where, fewOf(cache)));
      if (!isCurrent()) return undefined;
      if (keys !== undefined) return cache.itemsOf(keys);
      cache.keep(columns);
    }
    const unknown = cache.unknown();
    if (unknown.length > 0) await this.learn(cache, unknown, position);
    return isCurrent() ? cache.matching(where) : undefined;
  }

  /**
   * The keys of the rows that a filter lets through, where an index alone tells and they are `most`
   * at most: beyond that looking at the columns in memory is faster.
   */
  private async indexedKeys(where: Predicate, most: number): Promise<IndexedKeys> {
    const { read } = this;
    const choice = choosePathIn(read, { where, order: [], wanted: Number.POSITIVE_INFINITY });
    const { path, rest } = choice instanceof Promise ? await choice : choice;
    if (rest !== undefined || !(path instanceof IndexPath)) return { keys: undefined };
    const keys: IDBValidKey[] = [];
    const stretches = stretchesOf(path, undefined);
    for (let at = 0; at < stretches.length; at += STRETCHES_AT_ONCE) {
      const wanted = most + 1 - keys.length;
      const some = stretches.slice(at, at + STRETCHES_AT_ONCE);
      for (const found of await Promise.all(some.map((part) => readKeys(read, part, wanted)))) {
        for (const key of found) keys.push(key);
      }
      if (keys.length > most) return { keys: undefined };
    }
    return { keys };
  }

  /** Gives the cache the rows that it lacks. */
  private async learn(
    cache: VectorCache,
    unknown: readonly VectorItem[],
    position: number,
  ): Promise<void> {
    const { read } = this;
    if (unknown.length <= fewOf(cache)) {
      const rows = await this.rowsOf(unknown);
      for (const [at, { key }] of unknown.entries()) {
        const row = rows[at];
        if (row !== undefined) cache.know(key, row, position);
      }
      return;
    }
    const choice = choosePathIn(read, {
      where: undefined,
      order: [],
      wanted: Number.POSITIVE_INFINITY,
    });
    const chosen = choice instanceof Promise ? await choice : choice;
    for await (const rows of matchingPages(read, chosen)) {
      for (const row of rows) cache.know(read.codec.keyOf(row), row, position);
    }
  }

  private rowsOf(items: readonly VectorItem[]): Promise<(Row | undefined)[]> {
    const { store, codec, statistics, signal } = this.read;
    return inGroups(items, async ({ key }) => {
      signal?.throwIfAborted();
      const record = await request<unknown>(store.get(key));
      if (record === undefined) return undefined;
      if (statistics !== undefined) statistics.rowsRead++;
      return codec.rowOf(record);
    });
  }

  private results(): Row[] {
    const { columns } = this.plan;
    return this.ranking.results().map(({ row, score }) => ({ ...picked(row, columns), score }));
  }
}

/** Of how many rows it is cheaper to ask than of all. */
function fewOf({ size }: VectorCache): number {
  return Math.max(FEW_ROWS, Math.floor(size / 8));
}

function picked(row: Readonly<Row>, columns: readonly Column[]): Row {
  const some: Row = {};
  for (const column of columns) {
    const value = cell(row, column);
    if (value !== undefined) some[column.name] = value;
  }
  return some;
}
