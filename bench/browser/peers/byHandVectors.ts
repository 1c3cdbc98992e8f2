import { DIMENSIONS, type VectorRow } from "../../src/vectors.ts";
import { committed, discard, openDatabase, RELAXED, result } from "../raw.ts";
import type { BrowserVectors, Nearest } from "../vectorContender.ts";

const STORE = "documents";
const TOP = 10;

const create = (created: IDBDatabase): void => {
  created.createObjectStore(STORE, { keyPath: "id" });
};

/** All rows are loaded once; a search is a loop over them that keeps the ten best. */
export async function byHandVectors(database: string): Promise<BrowserVectors> {
  let db = await openDatabase(database, create);
  let loaded: Promise<LoadedVectors> | undefined;
  const load = async (): Promise<LoadedVectors> =>
    new LoadedVectors(await result(db.transaction(STORE).objectStore(STORE).getAll()));
  const search = async (query: Float32Array, topic?: string): Promise<readonly Nearest[]> => {
    loaded ??= load();
    return (await loaded).nearest(query, topic);
  };
  return {
    fill: async (rows) => {
      const transaction = db.transaction(STORE, "readwrite", RELAXED);
      const store = transaction.objectStore(STORE);
      for (const row of rows) store.put(row);
      await committed(transaction);
      (await loaded)?.put(rows);
    },
    search: (query) => search(query),
    filtered: (query, topic) => search(query, topic),
    reopen: async () => {
      db.close();
      loaded = undefined;
      db = await openDatabase(database, create);
    },
    close: () => discard(db),
  };
}

/** Unit vectors side by side. */
class LoadedVectors {
  private readonly rows: VectorRow[] = [];
  private readonly places = new Map<string, number>();
  private units = new Float32Array(0);

  public constructor(rows: readonly VectorRow[]) {
    this.units = new Float32Array(rows.length * DIMENSIONS);
    this.put(rows);
  }

  public put(rows: readonly VectorRow[]): void {
    for (const row of rows) {
      const place = this.places.get(row.id) ?? this.places.size;
      this.places.set(row.id, place);
      this.rows[place] = row;
      this.makeRoom(place);
      this.units.set(unit(row.embedding), place * DIMENSIONS);
    }
  }

  public nearest(query: Float32Array, topic: string | undefined): readonly Nearest[] {
    const direction = unit(query);
    const best: Nearest[] = [];
    for (const [place, row] of this.rows.entries()) {
      if (topic !== undefined && row.topic !== topic) continue;
      const score = this.product(place, direction);
      if (best.length === TOP && score <= (best[TOP - 1] as Nearest).score) continue;
      const at = best.findIndex((other) => other.score < score);
      best.splice(at < 0 ? best.length : at, 0, { id: row.id, score });
      if (best.length > TOP) best.pop();
    }
    return best;
  }

  private product(place: number, direction: Float32Array): number {
    const { units } = this;
    const start = place * DIMENSIONS;
    let sum = 0;
    for (let i = 0; i < DIMENSIONS; i++) {
      sum += (units[start + i] as number) * (direction[i] as number);
    }
    return sum;
  }

  private makeRoom(place: number): void {
    const needed = (place + 1) * DIMENSIONS;
    if (needed <= this.units.length) return;
    const larger = new Float32Array(needed * 2);
    larger.set(this.units);
    this.units = larger;
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
