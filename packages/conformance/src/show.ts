const MAX_LENGTH = 600;

/** A value as text for a failure's message, cut where it gets long. */
export function show(value: unknown): string {
  const text = write(value, false, 0);
  return text.length <= MAX_LENGTH
    ? text
    : `${text.slice(0, MAX_LENGTH)}… (${text.length} characters)`;
}

/** One text for equal values, whatever the order of their properties. */
export function identityOf(value: unknown): string {
  return write(value, true, 0);
}

function write(value: unknown, sorts: boolean, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value !== "object" || value === null) return String(value);
  if (depth > 6 && !sorts) return "…";
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (Array.isArray(value))
    return `[${value.map((entry) => write(entry, sorts, depth + 1)).join(", ")}]`;
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}[${Array.from(value as Uint8Array).join(", ")}]`;
  }
  const names = sorts ? Object.keys(value).sort() : Object.keys(value);
  const entries = names.map((name) => {
    const inner = (value as Record<string, unknown>)[name];
    return `${/^\w+$/.test(name) ? name : JSON.stringify(name)}: ${write(inner, sorts, depth + 1)}`;
  });
  return `{ ${entries.join(", ")} }`;
}
