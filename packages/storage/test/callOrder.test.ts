import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallAccess, CallOrder } from "../src/sql/CallOrder.ts";

const read = (...keys: string[]): CallAccess => ({ write: false, keys });
const write = (...keys: string[]): CallAccess => ({ write: true, keys });
const readAny: CallAccess = { write: false, keys: undefined };
const writeAny: CallAccess = { write: true, keys: undefined };

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Calls that end when the test says so. */
function calls() {
  const order = new CallOrder();
  const begun: string[] = [];
  const ends = new Map<string, (outcome: "resolve" | "reject") => void>();
  const results = new Map<string, Promise<unknown>>();
  return {
    begun,
    make(name: string, access: CallAccess): void {
      const result = order.run(access, () => {
        begun.push(name);
        return new Promise((resolve, reject) => {
          ends.set(name, (outcome) =>
            outcome === "resolve" ? resolve(name) : reject(new Error(name)),
          );
        });
      });
      result.catch(() => undefined);
      results.set(name, result);
    },
    async end(name: string, outcome: "resolve" | "reject" = "resolve"): Promise<void> {
      ends.get(name)?.(outcome);
      await settled();
    },
    result: (name: string) => results.get(name),
  };
}

describe("CallOrder", () => {
  it("begins a call at once where nothing is in its way", () => {
    const { begun, make } = calls();
    make("write a", write("a"));
    make("read b", read("b"));
    make("write c and d", write("c", "d"));
    expect(begun).toEqual(["write a", "read b", "write c and d"]);
  });

  it("lets a call wait for every earlier one on one of its rows", async () => {
    const { begun, make, end } = calls();
    make("a", write("a"));
    make("b", write("b"));
    make("a and b", write("a", "b"));
    make("b again", read("b"));
    expect(begun).toEqual(["a", "b"]);
    await end("b");
    expect(begun).toEqual(["a", "b"]);
    await end("a");
    expect(begun).toEqual(["a", "b", "a and b"]);
    await end("a and b");
    expect(begun.at(-1)).toBe("b again");
  });

  it("lets reads of a row run side by side, and a write wait for all of them", async () => {
    const { begun, make, end } = calls();
    make("first", read("a"));
    make("second", read("a"));
    make("write", write("a"));
    make("third", read("a"));
    expect(begun).toEqual(["first", "second"]);
    await end("first");
    expect(begun).toHaveLength(2);
    await end("second");
    expect(begun.at(-1)).toBe("write");
    await end("write");
    expect(begun.at(-1)).toBe("third");
  });

  it("lets a read of many rows wait for all earlier writes, and for no read", async () => {
    const { begun, make, end } = calls();
    make("read a", read("a"));
    make("write b", write("b"));
    make("nobody's row", write());
    make("read all", readAny);
    make("read c", read("c"));
    expect(begun).toEqual(["read a", "write b", "nobody's row", "read c"]);
    await end("write b");
    expect(begun).toHaveLength(4);
    await end("nobody's row");
    expect(begun.at(-1)).toBe("read all");
  });

  it("lets everything wait for a write of any rows, and that for everything", async () => {
    const { begun, make, end } = calls();
    make("read a", read("a"));
    make("write any", writeAny);
    make("read b", read("b"));
    make("read all", readAny);
    expect(begun).toEqual(["read a"]);
    await end("read a");
    expect(begun).toEqual(["read a", "write any"]);
    await end("write any");
    expect(begun).toEqual(["read a", "write any", "read b", "read all"]);
  });

  it("goes on after a call that fails, and passes on its error to its caller alone", async () => {
    const { begun, make, end, result } = calls();
    make("fails", write("a"));
    make("next", write("a"));
    await end("fails", "reject");
    await expect(result("fails")).rejects.toThrow("fails");
    expect(begun).toEqual(["fails", "next"]);
    await end("next");
    await expect(result("next")).resolves.toBe("next");
  });

  it("takes a call that names a row twice for one", async () => {
    const { begun, make, end } = calls();
    make("twice", write("a", "a"));
    make("next", write("a"));
    make("last", write("a"));
    await end("twice");
    expect(begun).toEqual(["twice", "next"]);
    await end("next");
    expect(begun.at(-1)).toBe("last");
  });
});

interface ModelCall {
  readonly access: CallAccess;
  /** After how many turns it ends. */
  readonly turns: number;
  readonly fails: boolean;
}

const access = fc.record({
  write: fc.boolean(),
  keys: fc.option(fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 }), {
    nil: undefined,
  }),
});
const modelCall: fc.Arbitrary<ModelCall> = fc.record({
  access,
  turns: fc.integer({ min: 0, max: 4 }),
  fails: fc.boolean(),
});

const KEYS = ["a", "b", "c", "d"];

/** What a call reads, or the rows that it writes, of the rows as they are. */
function perform(rows: Map<unknown, number>, { write: writes, keys }: CallAccess, value: number) {
  const touched = [...new Set(keys ?? KEYS)];
  const seen = touched.map((key) => rows.get(key) ?? -1);
  if (writes) for (const key of touched) rows.set(key, value);
  return seen;
}

async function turn(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await settled();
}

describe("calls in order, whenever each of them takes effect and ends", () => {
  it("see and leave what they would one after the other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(modelCall, { maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 20, maxLength: 20 }),
        async (made, effectAfter) => {
          const serial = new Map<string, number>();
          const expected = made.map((call, i) => perform(serial, call.access, i));

          const rows = new Map<string, number>();
          const order = new CallOrder();
          const seen = await Promise.allSettled(
            made.map((call, i) =>
              order.run(call.access, async () => {
                await turn(effectAfter[i] ?? 0);
                const found = perform(rows, call.access, i);
                await turn(call.turns);
                if (call.fails) throw found;
                return found;
              }),
            ),
          );
          const found = seen.map((result) =>
            result.status === "fulfilled" ? result.value : result.reason,
          );
          expect(found).toEqual(expected);
          expect([...rows].sort()).toEqual([...serial].sort());
          expect(leftovers(order)).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Calls that it still holds when all have ended. */
function leftovers(order: CallOrder): number {
  const { byKey, wide, narrow } = order as unknown as Record<string, { readonly size: number }>;
  return (byKey?.size ?? -1) + (wide?.size ?? -1) + (narrow?.size ?? -1);
}
