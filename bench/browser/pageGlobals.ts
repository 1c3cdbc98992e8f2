import type { Measured } from "../src/measure.ts";
import type { GroupName } from "./groupNames.ts";

/** What the page and its driver in Node call each other by. */
declare global {
  /** The page's. */
  var measureGroup: (name: GroupName, rounds: number) => Promise<Measured>;
  /** The driver's: told what is under way. */
  var onStep: (text: string) => void;
}
