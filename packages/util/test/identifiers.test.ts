import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { newUuid, sha256Hex } from "../src/index.ts";
import { sha256Hex as sha256InBrowser } from "../src/values/sha256.browser.ts";

afterEach(() => void vi.useRealTimers());

describe("newUuid", () => {
  test("makes UUIDs of version 7 with the time of their making", () => {
    const before = Date.now();
    const uuid = newUuid();
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const made = Number.parseInt(uuid.replaceAll("-", "").slice(0, 12), 16);
    expect(made).toBeGreaterThanOrEqual(before);
    expect(made).toBeLessThanOrEqual(Date.now());
  });

  test("makes each greater than the one before", () => {
    let last = "";
    for (let count = 0; count < 100_000; count++) {
      const uuid = newUuid();
      if (!(uuid > last)) expect.fail(`${uuid} follows ${last}`);
      last = uuid;
    }
  });

  test("goes on rising when the clock is set back", () => {
    const before = newUuid();
    vi.useFakeTimers({ now: Date.now() - 60_000 });
    const [first, second] = [newUuid(), newUuid()];
    expect(first > before).toBe(true);
    expect(second > first).toBe(true);
  });

  test("draws new random bits for each", () => {
    const tails = Array.from({ length: 2000 }, () => newUuid().slice(-10));
    expect(new Set(tails).size).toBe(tails.length);
  });
});

describe("sha256Hex", () => {
  test("gives the digest of the text as UTF-8", () => {
    expect(sha256Hex("abc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  test("gives the same everywhere", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const expected = createHash("sha256").update(text, "utf8").digest("hex");
        expect(sha256Hex(text)).toBe(expected);
        expect(sha256InBrowser(text)).toBe(expected);
      }),
    );
  });
});
