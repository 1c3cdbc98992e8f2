import type { DataPortSchema } from "@workglow/util/schema";
import { describe, expect, it } from "vitest";
import { getMetadataProperty, getVectorProperty } from "../src/vector/vectorProperties.ts";

const schemaOf = (properties: Record<string, DataPortSchema>) =>
  ({ type: "object", properties }) as const;

describe("getVectorProperty", () => {
  it("finds the first array of any TypedArray format", () => {
    const schema = schemaOf({
      id: { type: "string" },
      tags: { type: "array", items: { type: "string" } },
      embedding: { type: "array", format: "TypedArray:Int8Array" },
      other: { type: "array", format: "TypedArray" },
    });
    expect(getVectorProperty(schema)).toBe("embedding");
  });

  it("takes the format without an array type", () => {
    expect(getVectorProperty(schemaOf({ v: { type: "array", format: "TypedArray" } }))).toBe("v");
  });

  it("wants both the type and the format", () => {
    const schema = schemaOf({
      text: { type: "string", format: "TypedArray" },
      near: { type: "array", format: "TypedArrays" },
      anything: true,
    });
    expect(getVectorProperty(schema)).toBeUndefined();
  });
});

describe("getMetadataProperty", () => {
  it("finds the first object of the format metadata", () => {
    const schema = schemaOf({
      plain: { type: "object" },
      note: { type: "string", format: "metadata" },
      about: { type: "object", format: "metadata" },
      more: { type: "object", format: "metadata" },
    });
    expect(getMetadataProperty(schema)).toBe("about");
  });

  it("gives undefined where there is none", () => {
    expect(getMetadataProperty(schemaOf({ plain: { type: "object" } }))).toBeUndefined();
  });
});
