import type { Predicate } from "@workglow/storage";

/** The names of the columns that a predicate looks at. */
export function columnsOf(predicate: Predicate): ReadonlySet<string> {
  const names = new Set<string>();
  collect(predicate, names);
  return names;
}

function collect(predicate: Predicate, names: Set<string>): void {
  switch (predicate.kind) {
    case "constant":
      return;
    case "and":
    case "or":
      for (const operand of predicate.operands) collect(operand, names);
      return;
    default:
      names.add(predicate.column.name);
  }
}
