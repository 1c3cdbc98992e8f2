import type { Goal, Group } from "../../src/measure.ts";
import { byHandRows } from "../peers/byHandRows.ts";
import { dexieRows } from "../peers/dexieRows.ts";
import { idbRows } from "../peers/idbRows.ts";
import { rxdbRows } from "../peers/rxdbRows.ts";
import { workglowRows } from "../peers/workglowRows.ts";
import { rowContenders } from "../rowContenders.ts";

const goals: Goal[] = [
  ...["by hand", "idb"].flatMap((peer) => [
    { operation: "get", peer, atLeast: 0.9 },
    { operation: "get, 32 at once", peer, atLeast: 2 },
    { operation: "put", peer, atLeast: 0.8 },
    { operation: "put, 32 at once", peer, atLeast: 4 },
    { operation: "putBulk 10k", peer, atLeast: 0.9 },
    { operation: "all 10k rows", peer, atLeast: 0.8 },
  ]),
  { operation: "putBulk 10k", peer: "dexie", atLeast: 1 },
  { operation: "query by index", peer: "dexie", atLeast: 1 },
];

export const tabularBrowser: Group = {
  name: "Tabular, browser",
  goals,
  about: () => "durability relaxed",
  open: () =>
    rowContenders(
      {
        workglow: workglowRows,
        "by hand": byHandRows,
        idb: idbRows,
        dexie: dexieRows,
        rxdb: rxdbRows,
      },
      { withAge: true },
    ),
};
