import { not, or, type SearchCriteria } from "@workglow/storage";
import { test } from "vitest";

interface User {
  readonly id: string;
  readonly age: number;
  readonly email?: string | null;
}
declare function query(criteria: SearchCriteria<User>): void;

test("or and not take the columns of the storage that they are given to", () => {
  query(or({ id: "x" }, { age: 3 }));
  query(or({ id: "x" }, { age: { operator: ">", value: 3 }, email: null }));
  query(or({ id: "x" }, not({ age: { operator: ">", value: 3 } })));
  query({ id: "x", ...or({ age: 3 }, { email: null }) });
  query(or<User>({ id: "x" }, { age: 3 }));
  // @ts-expect-error: no such column
  query(or({ nope: "x" }));
  // @ts-expect-error: a value of another type
  query(not({ age: "3" }));
});
