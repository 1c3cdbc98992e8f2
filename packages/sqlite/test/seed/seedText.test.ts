import { describe, expect, test } from "vitest";
import { inOneLine, reconstructedBlocks, reconstruction, seedBlocks } from "./seedText.ts";

/** Hybrid search, which no backend has. */
const NOT_RECONSTRUCTED = 14;

const blocks = seedBlocks();

describe("the reconstructions", () => {
  test("are there for every block of the seed but the one on hybrid search", () => {
    const numbers = Array.from({ length: 19 }, (_, block) => block);
    expect(reconstructedBlocks()).toEqual(numbers.filter((block) => block !== NOT_RECONSTRUCTED));
  });

  test("lose in one line what the seed's text lost", () => {
    const code =
      'a(): Promise<Array<Job<I, O>>>;\nb<K extends string>(x: K): Promise<A | undefined>;\nc = [1,\n"<", (x) => 1,\n];';
    expect(inOneLine(code)).toBe(
      inOneLine('a(): Promise>>; b(x: K): Promise; c = [1, "<", (x) => 1];'),
    );
  });

  test.skipIf(blocks === undefined)("count as many as the seed has (needs ../shared/seeds)", () => {
    expect(blocks).toHaveLength(19);
  });

  for (const block of reconstructedBlocks()) {
    test.skipIf(blocks === undefined)(
      `block ${block} is the seed's (needs ../shared/seeds)`,
      () => {
        // The seed leaves out one type with an ellipsis.
        const text = blocks?.[block]?.replace("...args: ...)", "...args: EventArguments)") ?? "";
        expect(inOneLine(reconstruction(block))).toBe(inOneLine(text));
      },
    );
  }
});
