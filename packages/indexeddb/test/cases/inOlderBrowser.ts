/** Runs `work` with what browsers have that cannot read backwards by `getAll`. */
export async function inOlderBrowser<T>(work: () => Promise<T>): Promise<T> {
  const kept = [IDBObjectStore.prototype, IDBIndex.prototype].map((prototype) => ({
    prototype,
    method: Object.getOwnPropertyDescriptor(prototype, "getAllRecords") as PropertyDescriptor,
  }));
  for (const { prototype } of kept) Reflect.deleteProperty(prototype, "getAllRecords");
  try {
    return await work();
  } finally {
    for (const { prototype, method } of kept) {
      Object.defineProperty(prototype, "getAllRecords", method);
    }
  }
}
