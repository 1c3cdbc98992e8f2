import type { Predicate } from "./Predicate.ts";

/** A text that identifies a predicate, for binding a cursor to its query. */
export function predicateText(predicate: Predicate | undefined): string {
  return predicate === undefined ? "" : JSON.stringify(predicate, plainValue);
}

function plainValue(key: string, value: unknown): unknown {
  if (key === "column") return (value as { readonly name: string }).name;
  if (typeof value === "bigint") return `${value}n`;
  return value instanceof Uint8Array ? value.join() : value;
}
