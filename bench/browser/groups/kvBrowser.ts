import type { Group } from "../../src/measure.ts";
import { byHandRows } from "../peers/byHandRows.ts";
import { dexieRows } from "../peers/dexieRows.ts";
import { idbRows } from "../peers/idbRows.ts";
import { localforageRows } from "../peers/localforageRows.ts";
import { workglowKv } from "../peers/workglowKv.ts";
import { rowContenders } from "../rowContenders.ts";

export const kvBrowser: Group = {
  name: "KV, browser",
  goals: ["by hand", "idb"].flatMap((peer) => [
    { operation: "get", peer, atLeast: 0.9 },
    { operation: "get, 32 at once", peer, atLeast: 2 },
    { operation: "put", peer, atLeast: 0.8 },
    { operation: "put, 32 at once", peer, atLeast: 4 },
  ]),
  about: () => "durability relaxed",
  open: () =>
    rowContenders(
      {
        workglow: workglowKv,
        "by hand": byHandRows,
        idb: idbRows,
        dexie: dexieRows,
        localforage: localforageRows,
      },
      { withAge: false },
    ),
};
