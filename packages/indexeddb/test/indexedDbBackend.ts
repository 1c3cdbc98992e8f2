import "fake-indexeddb/auto";
import type { Backend } from "@workglow/conformance";
import { type IndexedDbPlace, indexedDbStorages } from "./indexedDbStorages.ts";

/** IndexedDB in this process's memory, which no other process sees. */
export const indexedDbBackend = {
  ...indexedDbStorages,
  name: "fake-indexeddb",
} satisfies Backend<IndexedDbPlace>;
