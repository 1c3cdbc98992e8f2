export * from "./async/index.ts";
export * from "./errors/index.ts";
export * from "./events/index.ts";
export * from "./logging/index.ts";
export * from "./registry/index.ts";
export * from "./schema/index.ts";
export * from "./telemetry/index.ts";
export * from "./values/index.ts";
