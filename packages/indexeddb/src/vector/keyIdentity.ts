/** Something by which a `Map` tells the keys of one store apart. */
export function keyIdentity(key: IDBValidKey): string | number {
  if (typeof key === "string" || typeof key === "number") return key;
  return JSON.stringify(key, withBytes);
}

/** JSON has no binary values. */
function withBytes(_: string, part: unknown): unknown {
  return part instanceof ArrayBuffer ? { bytes: new Uint8Array(part).join() } : part;
}
