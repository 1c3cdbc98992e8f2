import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedPage, servePage } from "./servePage.ts";
import { startBrowser, Visitor } from "./Visitor.ts";

const DOCUMENTS = 300;
/** Of each document: enough of them that its job takes a while. */
const PARAGRAPHS = 60;

let folder: string;
let many: string;
let served: ServedPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-tabs-"));
  many = join(folder, "many");
  await mkdir(many);
  for (let n = 0; n < DOCUMENTS; n++) {
    const paragraph = `Note ${n} speaks of topic${n} and of all that grows in gardens. `.repeat(10);
    await writeFile(join(many, `${n}.md`), `${paragraph}\n\n`.repeat(PARAGRAPHS));
  }
  await writeFile(join(folder, "late.md"), "Something about zeppelins.");
  [served, browser] = await Promise.all([servePage(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await served?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** How many documents are indexed, as the page says; `undefined` while it says nothing. */
async function indexed({ page }: Visitor): Promise<number | undefined> {
  const text = await page
    .locator("#indexing")
    .textContent({ timeout: 100 })
    .catch(() => null);
  const [, done] = /Indexed\s+(\d+)\s+of\s+300/u.exec(text ?? "") ?? [];
  return done === undefined ? undefined : Number(done);
}

/** What the library holds in the end, asked from another tab. */
async function assertAllOnce(visitor: Visitor): Promise<void> {
  const asked = await visitor.openTab(served.reportUrl);
  const { documents, jobs, chunks } = await asked.page.evaluate(() => window.report("topic7", 1));
  expect({ documents, jobs }).toEqual({
    documents: DOCUMENTS,
    jobs: { completed: DOCUMENTS, failed: 0, pending: 0 },
  });
  expect(chunks).toBe(DOCUMENTS * PARAGRAPHS);
}

test("a second tab follows: documents, progress, results and removals", async () => {
  const first = await Visitor.arrive(browser, served.url);
  const second = await first.openTab(served.url);
  await second.page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
  await first.drop(many);
  const seen = new Set<number>();
  await expect
    .poll(
      async () => {
        const done = await indexed(second);
        if (done !== undefined) seen.add(done);
        return seen.size;
      },
      { interval: 50, timeout: 60_000 },
    )
    .toBeGreaterThan(3);
  await Promise.all([first.seesAllIndexed(DOCUMENTS), second.seesAllIndexed(DOCUMENTS)]);
  expect([...seen]).toEqual([...seen].sort((a, b) => a - b));

  expect(await second.search("zeppelin")).toEqual([]);
  await first.drop(join(folder, "late.md"));
  await expect.poll(() => second.results("zeppelin"), { timeout: 10_000 }).toEqual(["late.md"]);
  await second.page.getByRole("button", { name: "Remove late.md" }).click();
  await first.seesTitle(DOCUMENTS);
  expect(await first.documents()).not.toContain("late.md");
  await assertAllOnce(first);
  await first.leave();
});

test("the jobs of a closed tab go on in the other", async () => {
  const first = await Visitor.arrive(browser, served.url);
  const second = await first.openTab(served.url);
  await first.drop(many);
  let done: number | undefined;
  const look = async (): Promise<number | undefined> => {
    done = await indexed(first);
    return done;
  };
  await expect.poll(look, { interval: 20, timeout: 60_000 }).toBeGreaterThan(5);
  await first.page.close();
  expect(done).toBeLessThan(DOCUMENTS);
  await second.seesAllIndexed(DOCUMENTS);
  await assertAllOnce(second);
  await second.leave();
});

test("the jobs of the last tab go on when the page is opened again", async () => {
  const first = await Visitor.arrive(browser, served.url);
  await first.drop(many);
  await expect.poll(() => indexed(first), { interval: 20, timeout: 60_000 }).toBeGreaterThan(5);
  await first.page.close();
  const again = await first.openTab(served.url);
  await again.seesAllIndexed(DOCUMENTS);
  await assertAllOnce(again);
  await again.leave();
});
