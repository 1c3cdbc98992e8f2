export { KEPT_WITHOUT_WINDOW_MS } from "../keptWithoutWindowMs.ts";
export * from "./JobRecord.ts";
export * from "./steps.ts";
export * from "./transitions.ts";
