import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { isTypedArray, typedArrayConstructors, typedArrayNameOf } from "../src/index.ts";

const { Float16Array } = globalThis as { Float16Array?: new (length: number) => object };

describe("typed arrays", () => {
  test.each([
    [new Float32Array(2), "Float32Array"],
    [new Float64Array(2), "Float64Array"],
    [new Int8Array(2), "Int8Array"],
    [new Uint8Array(2), "Uint8Array"],
    [new Int16Array(2), "Int16Array"],
    [new Uint16Array(2), "Uint16Array"],
    [Buffer.from("ab"), "Uint8Array"],
    [new (class Embedding extends Float32Array {})(2), "Float32Array"],
    [runInNewContext("new Float32Array(2)"), "Float32Array"],
  ])("%o is known by its name", (array, name) => {
    expect(typedArrayNameOf(array)).toBe(name);
    expect(isTypedArray(array)).toBe(true);
  });

  test.each([
    [new Uint8ClampedArray(2)],
    [new Uint32Array(2)],
    [new BigInt64Array(2)],
    [new DataView(new ArrayBuffer(2))],
    [new ArrayBuffer(2)],
    [[1, 2]],
    [{ [Symbol.toStringTag]: "Float32Array" }],
    [Float32Array],
    [Float32Array.prototype],
    ["Float32Array"],
    [null],
    [undefined],
    [1],
  ])("%o is none of them", (value) => {
    expect(typedArrayNameOf(value)).toBeUndefined();
    expect(isTypedArray(value)).toBe(false);
  });

  test("constructors are found by name, and only they", () => {
    const names = ["Float32Array", "Float64Array", "Int8Array", "Uint8Array"];
    const all = [...names, "Int16Array", "Uint16Array", ...(Float16Array ? ["Float16Array"] : [])];
    expect(Object.keys(typedArrayConstructors).sort()).toEqual(all.sort());
    for (const [name, Constructor] of Object.entries(typedArrayConstructors)) {
      expect(typedArrayNameOf(new Constructor(1))).toBe(name);
    }
    expect("constructor" in typedArrayConstructors).toBe(false);
    expect(typedArrayConstructors.Float16Array).toBe(Float16Array);
  });
});
