import { SqliteTabularStorage } from "@workglow/sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drivers, openedBy } from "./drivers.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "number" },
    big: { type: "integer", format: "int64" },
    bytes: { type: "string", contentEncoding: "blob" },
  },
  required: ["id", "big", "bytes"],
  additionalProperties: false,
} as const;

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const rows = fc.uniqueArray(
  fc.record({
    id: double.map((n) => n + 0),
    big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    bytes: fc.uint8Array({ maxLength: 20 }),
  }),
  { minLength: 1, selector: ({ id }) => id, comparator: "SameValueZero" },
);

describe.each(drivers)("values on $driver", ({ open }) => {
  it("finds doubles, 64-bit integers and bytes in lists, to the last bit", async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        const storage = new SqliteTabularStorage(openedBy(open), "t", schema, ["id"] as const, [
          "big",
          "bytes",
        ]);
        await storage.setupDatabase();
        const stored = await storage.putBulk(given);
        expect(stored).toEqual(given);
        expect(await storage.getMany(given)).toEqual(given);
        for (const column of ["id", "big", "bytes"] as const) {
          const value = given.map((row) => row[column]);
          expect(await storage.count({ [column]: { operator: "in", value } })).toBe(given.length);
          expect(await storage.count({ [column]: { operator: "not-in", value } })).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("gives bytes as plain arrays over memory of their own", async () => {
    const storage = new SqliteTabularStorage(openedBy(open), "t", schema, ["id"] as const);
    await storage.setupDatabase();
    for (const length of [0, 1, 100, 5000]) {
      await storage.put({ id: length, big: 0n, bytes: new Uint8Array(length).fill(7) });
      const bytes = (await storage.get({ id: length }))?.bytes as Uint8Array;
      expect(bytes.constructor).toBe(Uint8Array);
      expect(bytes.buffer.byteLength).toBe(length);
    }
  });
});
