/** The groups of the page, by the names that Node knows them by. */
export const GROUP_NAMES = [
  "Tabular, browser",
  "KV, browser",
  "Queue, browser",
  "Vector, browser",
] as const;

export type GroupName = (typeof GROUP_NAMES)[number];
