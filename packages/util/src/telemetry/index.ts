export { type StorageSpanDescription, storageSpanAttributes } from "./storageSpanAttributes.ts";
export { type SpanOptions, withSpan } from "./withSpan.ts";
