/** Before everything. */
export const EPOCH = "1970-01-01T00:00:00.000Z";

/** An ISO time, `ms` later. */
export function shifted(iso: string, ms: number): string {
  return new Date(Date.parse(iso) + ms).toISOString();
}
