import type { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { VectorCache } from "./VectorCache.ts";

interface Shared {
  readonly cache: VectorCache;
  users: number;
}

/** A cache that a storage may use until it leaves. */
export interface CacheShare {
  readonly cache: VectorCache;
  leave(): void;
}

const caches = new WeakMap<IndexedDbDatabase, Map<string, Shared>>();

/** The cache that all storages of a connection have for the same vectors; freed by the last one. */
export function sharedVectorCache(
  database: IndexedDbDatabase,
  vectorsOf: readonly unknown[],
  dimensions: number,
): CacheShare {
  const identity = JSON.stringify([...vectorsOf, dimensions]);
  let ofDatabase = caches.get(database);
  if (ofDatabase === undefined) {
    ofDatabase = new Map();
    caches.set(database, ofDatabase);
  }
  const shared = ofDatabase.get(identity) ?? { cache: new VectorCache(dimensions), users: 0 };
  ofDatabase.set(identity, shared);
  shared.users++;
  return {
    cache: shared.cache,
    leave: () => {
      if (--shared.users === 0) ofDatabase.delete(identity);
    },
  };
}
