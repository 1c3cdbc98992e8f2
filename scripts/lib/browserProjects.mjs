/** Vitest projects whose tests need Chromium, as patterns for `vitest --project`. */
export const browserProjects = [
  "*:browser",
  "indexeddb:processes",
  "document-search-web:processes",
];
