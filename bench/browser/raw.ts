/** What hand-written code needs of IndexedDB, as cheap as it gets. */

/** All contenders: a write is acknowledged when the operating system has it. */
export const RELAXED = { durability: "relaxed" } as const;

export function openDatabase(
  name: string,
  create: (database: IDBDatabase) => void,
): Promise<IDBDatabase> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => create(opening.result);
  return result(opening);
}

/** Closes the connection, where it is not closed yet, and deletes its database. */
export async function discard(database: IDBDatabase | string): Promise<void> {
  if (typeof database !== "string") database.close();
  await result(indexedDB.deleteDatabase(typeof database === "string" ? database : database.name));
}

export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Sends the end of a transaction along with its requests, and waits until it is complete. */
export function committed(transaction: IDBTransaction): Promise<void> {
  const complete = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  transaction.commit();
  return complete;
}
