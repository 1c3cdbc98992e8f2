/** The largest number that IndexedDB takes for a limit, or for steps of a cursor. */
export const MOST_COUNT = 2 ** 32 - 1;
