import { expect, test } from "vitest";
import { textChunks } from "../src/index.ts";

async function chunksOf(pieces: Iterable<string>): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of textChunks(pieces)) chunks.push(chunk);
  return chunks;
}

function* cut(text: string, length: number): Generator<string> {
  for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
}

test("how a text is cut into pieces makes no difference to its chunks", async () => {
  const line = "A line of a file that was written on Windows.\r\n";
  const text = `\uFEFF${`${line.repeat(9)}\r\n`.repeat(40)}a lone \r, a NUL \0 and the end\r`;
  const whole = await chunksOf([text]);
  expect(whole.length).toBeGreaterThan(20);
  expect(whole.join("")).not.toContain("\r\n");
  for (const length of [1, 7, 47, 799, 801, 5000]) {
    expect(await chunksOf(cut(text, length))).toEqual(whole);
  }
});
