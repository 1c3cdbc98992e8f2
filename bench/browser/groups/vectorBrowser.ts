import type { Group } from "../../src/measure.ts";
import { DIMENSIONS, vectorRows } from "../../src/vectors.ts";
import { byHandVectors } from "../peers/byHandVectors.ts";
import { workglowVectors } from "../peers/workglowVectors.ts";
import { vectorContender } from "../vectorContender.ts";

const ROWS = 10_000;

export const vectorBrowser: Group = {
  name: "Vector, browser",
  goals: [],
  about: () => `${DIMENSIONS} dimensions, durability relaxed`,
  open: async () => {
    const rows = vectorRows(ROWS);
    return [
      await vectorContender("workglow", await workglowVectors("vectors-workglow"), rows),
      await vectorContender("by hand", await byHandVectors("vectors-by-hand"), rows),
    ];
  },
};
