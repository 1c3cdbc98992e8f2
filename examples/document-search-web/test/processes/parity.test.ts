import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reported } from "../../../document-search/test/processes/runDemo.ts";
import { texts } from "../../../document-search/test/processes/texts.ts";
import { type ServedPage, servePage } from "./servePage.ts";
import { startBrowser, Visitor } from "./Visitor.ts";

let folder: string;
let docs: string;
let served: ServedPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-parity-"));
  docs = join(folder, "docs");
  await mkdir(docs);
  for (const [name, text] of texts()) await writeFile(join(docs, name), text);
  for (const [name, bytes] of oddFiles()) await writeFile(join(docs, name), bytes);
  [served, browser] = await Promise.all([servePage(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await served?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Files that programs read differently if they are careless. */
function* oddFiles(): Generator<[name: string, bytes: Buffer]> {
  const line = "Bees visit the roses of every garden, in spring and in summer.";
  yield ["mark.md", Buffer.from(`\uFEFF${line}`)];
  // Longer than the pieces in which files are read.
  yield ["windows.txt", Buffer.from(`${line}\r\n\r\nTopic3 is told of here.\r\n`.repeat(2500))];
  yield ["latin1.txt", Buffer.from(`Käse und Gärten. ${line}`, "latin1")];
  yield ["no-spaces.txt", Buffer.from("庭園に花が咲く。".repeat(3000))];
}

test("the page finds what the command-line program finds, with the same scores", async () => {
  const visitor = await Visitor.arrive(browser, served.url);
  const names = await readdir(docs);
  await visitor.drop(...names.map((name) => join(docs, name)));
  await visitor.seesAllIndexed(names.length);
  const asked = await visitor.openTab(served.reportUrl);
  const questions = [
    ["roses in a garden", 12],
    ["庭園: what is told of topic3?", 60],
    ["", 5],
  ] as const;
  for (const [query, top] of questions) {
    const args = ["--dir", docs, "--backend", "memory", "--query", query, "--top", `${top}`];
    const expected = { ...(await reported(args)), seconds: 0 };
    expect(expected.documents).toBe(names.length);
    expect(
      await asked.page.evaluate(([q, n]) => window.report(q, n), [query, top] as const),
    ).toEqual(expected);
  }
  await visitor.leave();
});
