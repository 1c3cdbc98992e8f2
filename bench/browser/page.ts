import "./pageGlobals.ts";
import { type Group, runGroup } from "../src/measure.ts";
import type { GroupName } from "./groupNames.ts";
import { kvBrowser } from "./groups/kvBrowser.ts";
import { queueBrowser } from "./groups/queueBrowser.ts";
import { tabularBrowser } from "./groups/tabularBrowser.ts";
import { vectorBrowser } from "./groups/vectorBrowser.ts";

const groups: Readonly<Record<GroupName, Group>> = {
  "Tabular, browser": tabularBrowser,
  "KV, browser": kvBrowser,
  "Queue, browser": queueBrowser,
  "Vector, browser": vectorBrowser,
};

/** Chromium gives it with `--js-flags=--expose-gc`. */
const { gc } = globalThis as { readonly gc?: () => void };

globalThis.measureGroup = (name, rounds) =>
  runGroup(groups[name], { rounds, onStep: globalThis.onStep, collectGarbage: gc });
