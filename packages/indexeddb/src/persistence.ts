/** What the browser tells of the room that this site has, in bytes. */
export interface StorageRoom {
  /** About how much the site uses, all of its kinds of storage together. */
  readonly usage: number;
  /** About how much it may use. */
  readonly quota: number;
  /** Whether the browser keeps the data when the disk runs short. */
  readonly persistent: boolean;
}

/**
 * Asks the browser to keep this site's data when the disk runs short; some ask the user. Without it,
 * a site that has not been visited for a while may lose all of its data at once.
 *
 * @returns whether the data is kept; false also where the browser has no such promise to give
 */
export async function requestPersistence(): Promise<boolean> {
  const { storage } = globalThis.navigator ?? {};
  if (await storage?.persisted?.()) return true;
  // Workers can ask whether it is so, but not for it.
  return (await storage?.persist?.()) ?? false;
}

/** How much room there is, `undefined` where the browser does not tell. */
export async function storageRoom(): Promise<StorageRoom | undefined> {
  const { storage } = globalThis.navigator ?? {};
  if (storage?.estimate === undefined) return undefined;
  const { usage = 0, quota = 0 } = await storage.estimate();
  return { usage, quota, persistent: (await storage.persisted?.()) ?? false };
}
