import { expect, test } from "vitest";
import { type ExcerptPiece, excerptOf } from "../src/library/excerpt.ts";
import { withoutMarkdown } from "../src/library/withoutMarkdown.ts";

const marked = (pieces: readonly ExcerptPiece[]): string =>
  pieces.map(({ text, marked }) => (marked ? `[${text}]` : text)).join("");

test("an excerpt marks the words of the question in any of their forms", () => {
  const text = "Workers claim a job;\nclaiming is atomic. The work goes on.";
  expect(marked(excerptOf(text, "how is a CLAIMED job done?", 200))).toBe(
    "Workers [claim] a [job]; [claiming] is atomic. The work goes on.",
  );
});

test("an excerpt of a long text shows where most of the words stand", () => {
  const filler = "nothing of interest is told here ".repeat(30);
  const text = `${filler}roses. ${filler}Red roses and white roses in June. ${filler}`;
  const excerpt = marked(excerptOf(text, "white roses of June", 120));
  expect(excerpt).toContain("Red [roses] and [white] [roses] in [June].");
  expect(excerpt).toMatch(/^… .* …$/u);
  expect(excerpt.replaceAll(/[[\]]/gu, "").length).toBeLessThanOrEqual(125);
});

test("an excerpt loses no word of a short text, and no character of one without words", () => {
  expect(marked(excerptOf("Ünïcode 庭園 😀!", "庭園", 100))).toBe("Ünïcode [庭園] 😀!");
  expect(marked(excerptOf("😀".repeat(300), "roses", 100)).replaceAll(/[… ]/gu, "")).toBe(
    "😀".repeat(50),
  );
});

test("a question that says nothing marks nothing", () => {
  expect(excerptOf("What is it?", "what is it", 100)).toEqual([
    { text: "What is it?", marked: false },
  ]);
});

test("a passage of Markdown reads without its signs", () => {
  const text = [
    "## A *heading*",
    "",
    "- See [the manual](docs/kv.md#events), `code` and **words**.",
    "| a | b |",
    "|---|:-:|",
    "| one | two |",
    "```ts",
    "const x = a | b; // # not a heading",
    "```",
    "> quoted",
  ].join("\n");
  expect(
    withoutMarkdown(text)
      .split("\n")
      .filter((line) => line !== ""),
  ).toEqual([
    "A *heading*",
    "See the manual, code and words.",
    "a, b",
    "one, two",
    "const x = a, b; // # not a heading",
    "quoted",
  ]);
});
