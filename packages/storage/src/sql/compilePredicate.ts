import type { Predicate } from "../tabular/Predicate.ts";
import type { Column } from "../tabular/schema/Column.ts";
import type { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlColumnType } from "./SqlDialect.ts";
import type { SqlValue } from "./SqlExecutor.ts";
import type { SqlTable } from "./SqlTable.ts";

/** What stands on the left of a comparison. */
interface Operand {
  readonly text: string;
  readonly type: SqlColumnType;
  readonly nullable: boolean;
  encode(value: unknown): SqlValue;
}

/** A predicate as an SQL condition; its values are bound, and its text is the same for any list. */
export function compilePredicate(predicate: Predicate, table: SqlTable, sql: SqlBuilder): string {
  switch (predicate.kind) {
    case "constant":
      return predicate.value ? "1 = 1" : "1 = 0";
    case "and":
    case "or": {
      const operands = predicate.operands.map((operand) => compilePredicate(operand, table, sql));
      return joined(operands, predicate.kind === "and" ? " AND " : " OR ");
    }
    case "null": {
      const { text } = operandOf(predicate.column, table, sql);
      return `${text} IS ${predicate.negated ? "NOT " : ""}NULL`;
    }
    case "compare": {
      const operand = operandOf(predicate.column, table, sql);
      const value = sql.bindAs(operand.encode(predicate.value), operand.type);
      const operator = predicate.operator === "!=" ? "<>" : predicate.operator;
      return orNull(`${operand.text} ${operator} ${value}`, predicate, table, sql, operand);
    }
    case "in":
    case "not-in": {
      const operand = operandOf(predicate.column, table, sql);
      const values = predicate.values.map((value) => operand.encode(value));
      const condition = table.dialect.membership(
        operand.text,
        operand.type,
        values,
        predicate.kind === "not-in",
        sql.bind,
      );
      return orNull(condition, predicate, table, sql, operand);
    }
  }
}

const FLAT_OPERANDS = 8;

/** Operands in halves of halves: databases bound the depth of a condition, not its length. */
function joined(operands: readonly string[], operator: string): string {
  if (operands.length <= FLAT_OPERANDS) return `(${operands.join(operator)})`;
  const middle = operands.length >> 1;
  const halves = [operands.slice(0, middle), operands.slice(middle)];
  return `(${halves.map((half) => joined(half, operator)).join(operator)})`;
}

function orNull(
  condition: string,
  leaf: { readonly column: Column; readonly orNull: boolean },
  table: SqlTable,
  sql: SqlBuilder,
  operand: Operand,
): string {
  if (!leaf.orNull || !operand.nullable) return condition;
  // The operand's own parameters, if it has any, are bound once more.
  const { text } = operandOf(leaf.column, table, sql);
  return `(${condition} OR ${text} IS NULL)`;
}

function operandOf(column: Column, table: SqlTable, sql: SqlBuilder): Operand {
  const physical = table.column(column);
  if (column.path === undefined) {
    const { reference: text, type, nullable, codec } = physical;
    return { text, type, nullable, encode: (value) => codec.encode(value as never) };
  }
  return fieldOperand(column, column.path, physical.reference, table, sql);
}

const FIELD_TYPES = { string: "text", number: "double", boolean: "boolean", json: "json" } as const;

function fieldOperand(
  column: Column,
  path: readonly string[],
  quoted: string,
  table: SqlTable,
  sql: SqlBuilder,
): Operand {
  const kind = column.type as keyof typeof FIELD_TYPES;
  return {
    text: table.dialect.jsonField(quoted, path, kind, sql.bind),
    type: FIELD_TYPES[kind],
    nullable: true,
    encode: (value) => (typeof value === "boolean" ? Number(value) : (value as SqlValue)),
  };
}
