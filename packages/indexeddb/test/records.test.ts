import "fake-indexeddb/auto";
import { compilePrefixes, type IndexList, type Row, TableSchema } from "@workglow/storage";
import { describe, expect, it } from "vitest";
import { RecordCodec } from "../src/records/RecordCodec.ts";
import { recordIndexes } from "../src/records/recordIndexes.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "integer" },
    email: { type: "string" },
    nick: { type: ["string", "null"] },
    at: { type: "string", format: "date-time" },
    photo: { type: "string", contentEncoding: "blob" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    constructor: { type: "string" },
  },
  required: ["id", "email", "at"],
  additionalProperties: false,
} as const;

const tableWith = (indexes: IndexList = [], unique: IndexList = [], key = ["id"]): TableSchema =>
  new TableSchema(schema, key, indexes, unique);

const described = (table: TableSchema) =>
  recordIndexes(table).map(({ name, columns, unique, searchable }) => ({
    name,
    columns: columns.map((column) => column.name),
    unique,
    searchable,
  }));

const row: Row = { id: 7, email: "a@example.org", nick: null, at: "1970-01-01T00:00:01.000Z" };

describe("the indexes of a row store", () => {
  it("end with the key, which makes each entry one row's", () => {
    expect(described(tableWith(["email", ["at", "nick"]]))).toEqual([
      { name: "i0", columns: ["email", "id"], unique: false, searchable: true },
      { name: "i1", columns: ["at", "nick", "id"], unique: false, searchable: true },
    ]);
    expect(described(tableWith([["id", "email"]], [], ["at", "id"]))).toEqual([
      { name: "i0", columns: ["id", "email", "at"], unique: false, searchable: true },
    ]);
  });

  it("serve searches too where they are unique, unless a null leaves rows out", () => {
    expect(described(tableWith([], ["email", "nick"]))).toEqual([
      { name: "u0", columns: ["email"], unique: true, searchable: true },
      { name: "u1", columns: ["nick"], unique: true, searchable: false },
      { name: "i1", columns: ["nick", "id"], unique: false, searchable: true },
    ]);
  });

  it("leave out what orders rows as the key or another one does", () => {
    expect(described(tableWith(["id", "email", ["email", "id"]]))).toEqual([
      { name: "i1", columns: ["email", "id"], unique: false, searchable: true },
    ]);
    expect(described(tableWith(["at", ["at", "id"]], [], ["at", "id"]))).toEqual([]);
  });
});

describe("a record", () => {
  it("holds the row as it is, and its entries by the names of the indexes", () => {
    const codec = new RecordCodec(tableWith(["at"], ["email", "nick"]), []);
    const record = codec.record(row);
    expect(record).toEqual({
      v: row,
      i0: [1000, 7],
      u1: ["a@example.org"],
      i2: [Number.NEGATIVE_INFINITY, 7],
    });
    expect(record.v).toBe(row);
    expect(codec.keyOf(row)).toBe(7);
    expect(codec.rowOf(structuredClone(record))).toEqual(row);
  });

  it("stands under a list where the key has several columns, or the table prefixes", () => {
    expect(new RecordCodec(tableWith([], [], ["at", "id"]), []).keyOf(row)).toEqual([1000, 7]);
    const prefixes = compilePrefixes(
      { prefixes: [{ name: "tenant", type: "uuid" }], prefixValues: { tenant: "t" } },
      () => false,
    );
    const codec = new RecordCodec(tableWith(["email"], ["email"]), prefixes);
    expect(codec.keyOf(row)).toEqual(["t", 7]);
    expect(codec.record(row)).toEqual({
      v: row,
      i0: ["t", "a@example.org", 7],
      u1: ["t", "a@example.org"],
    });
    expect(codec.rowOfKey(["t", 7])).toEqual({ id: 7 });
  });

  it("stays with the tenant of its key", () => {
    const tenant = (value: string) =>
      compilePrefixes(
        { prefixes: [{ name: "tenant", type: "uuid" }], prefixValues: { tenant: value } },
        () => false,
      );
    const table = tableWith(["at"], ["email"]);
    const [ours, theirs] = [
      new RecordCodec(table, tenant("a")),
      new RecordCodec(table, tenant("b")),
    ];
    expect(ours.recordAt(theirs.keyOf(row), row)).toEqual(theirs.record(row));
    const bare = new RecordCodec(table, []);
    expect(bare.recordAt(bare.keyOf(row), row)).toEqual(bare.record(row));
  });

  it("has no entry in a unique index where a value is null", () => {
    const codec = new RecordCodec(tableWith([], [["nick", "email"]]), []);
    expect(codec.record(row)).not.toHaveProperty("u0");
    expect(codec.record({ ...row, nick: "x" })).toHaveProperty("u0", ["x", "a@example.org"]);
  });

  it("takes no inherited property for a value", () => {
    const codec = new RecordCodec(tableWith(["constructor"]), []);
    expect(codec.record(row)).toHaveProperty("i0", [Number.NEGATIVE_INFINITY, 7]);
  });

  it("holds no more than what views show of their buffers", () => {
    const codec = new RecordCodec(tableWith(["photo"]), []);
    const buffer = new ArrayBuffer(1_000_000);
    const pooled = Buffer.from(buffer, 16, 4);
    pooled.set([1, 2, 3, 4]);
    const given = { ...row, photo: pooled, vector: new Float32Array(buffer, 16, 2) };
    const { v, i0 } = codec.record(given);
    for (const name of ["photo", "vector"]) {
      const view = v[name] as Uint8Array;
      expect(view.buffer.byteLength).toBe(view.byteLength);
    }
    expect(v.photo).toEqual(new Uint8Array([1, 2, 3, 4]));
    expect((i0 as ArrayBuffer[])[0]).toBe((v.photo as Uint8Array).buffer);
    expect(given.photo).toBe(pooled);
  });

  it("keeps a view that shows all of its buffer", () => {
    const photo = new Uint8Array([1, 2, 3]);
    expect(new RecordCodec(tableWith(), []).record({ ...row, photo }).v.photo).toBe(photo);
  });
});
