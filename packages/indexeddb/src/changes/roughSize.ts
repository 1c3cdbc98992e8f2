/** Roughly what a stored row takes in memory, in bytes. */
export function roughSize(value: unknown): number {
  if (typeof value === "string") return 8 + value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value)) return 8 + value.byteLength;
  let bytes = 8;
  for (const part of Object.values(value)) bytes += roughSize(part);
  return bytes;
}
