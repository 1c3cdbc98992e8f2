export { sha256Hex } from "#sha256";
export { canonicalJson } from "./canonicalJson.ts";
export { cloneJson, copyJson } from "./copyJson.ts";
export type { JSONValue, JsonValue } from "./JsonValue.ts";
export { checkText, compareCodePoints, nextPrefix, utf8ByteLength } from "./text.ts";
export { newUuid } from "./uuid.ts";
