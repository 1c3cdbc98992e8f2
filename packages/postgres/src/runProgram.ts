import type { SqlProgram, SqlResult, SqlStatement } from "@workglow/storage/sql";
import { classifyPostgresError } from "./postgresErrors.ts";

/**
 * Runs a program's statements one after the other. Errors of the database reach the program typed.
 * On this database a statement that fails is the end of the transaction: a program that catches
 * its error can only throw another one.
 */
export async function runProgram<T>(
  program: SqlProgram<T>,
  run: (statement: SqlStatement) => Promise<SqlResult>,
): Promise<T> {
  let step = program.next();
  while (!step.done) {
    let result: SqlResult;
    try {
      result = await run(step.value);
    } catch (error) {
      step = program.throw(classifyPostgresError(error));
      continue;
    }
    step = program.next(result);
  }
  return step.value;
}
