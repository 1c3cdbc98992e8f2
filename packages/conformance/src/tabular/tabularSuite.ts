import type { Case, Suite, TestTabular } from "../harness.ts";
import { inputCases } from "../hostile/input.ts";
import { nameCases } from "../hostile/names.ts";
import { lifecycleCases } from "../lifecycleCases.ts";
import { tabularStorage, writable } from "../requirements.ts";
import { criteriaCases } from "./criteria.ts";
import { eventCases } from "./events.ts";
import { generatedKeyCases } from "./generatedKeys.ts";
import { keyCases } from "./keys.ts";
import { readCases } from "./reads.ts";
import { setupCases } from "./setup.ts";
import { user, users } from "./tables.ts";
import { valueCases } from "./values.ts";
import { writeCases } from "./writes.ts";

let added = 0;

const lifecycle: readonly Case[] = lifecycleCases<TestTabular>((c) => c.tabular(users), {
  reads: {
    get: (table, o) => table.get({ id: "key" }, o),
    getMany: (table, o) => table.getMany([{ id: "key" }], o),
    getAll: (table, o) => table.getAll(o),
    query: (table, o) => table.query({ name: "key" }, o),
    count: (table, o) => table.count({ name: "key" }, o),
    size: (table, o) => table.size(o),
    getBulk: (table, o) => table.getBulk(0, 1, o),
    getPage: (table, o) => table.getPage(o),
  },
  writes: {
    put: (table, o) => table.put(user("key"), o),
    putBulk: (table, o) => table.putBulk([user("key")], o),
    insert: (table, o) => table.insert(user("key"), { ...o, onConflict: "ignore" }),
    update: (table, o) => table.update({ id: "key" }, { age: 1 }, o),
    delete: (table, o) => table.delete({ id: "key" }, o),
    deleteSearch: (table, o) => table.deleteSearch({ name: "key" }, o),
    deleteAll: (table, o) => table.deleteAll(o),
    setupDatabase: (table, o) => table.setupDatabase(o),
  },
  iterations: {
    records: (table, o) => table.records(1, o),
    pages: (table, o) => table.pages(1, o),
  },
  add: (table) => table.put(user(`added ${added++}`)),
});

/** Tabular storage: values, keys, writes, criteria, reads, events, set-up, hostile input. */
export const tabularSuite: Suite = {
  name: "tabular storage",
  requires: [tabularStorage, writable],
  cases: [
    ...valueCases,
    ...keyCases,
    ...generatedKeyCases,
    ...writeCases,
    ...criteriaCases,
    ...readCases,
    ...eventCases,
    ...setupCases,
    ...nameCases,
    ...inputCases,
    ...lifecycle,
  ],
};
