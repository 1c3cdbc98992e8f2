import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServedPage, servePage } from "./servePage.ts";
import { startBrowser, Visitor } from "./Visitor.ts";

let folder: string;
let served: ServedPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-access-"));
  const deep = join(
    folder,
    "a-folder-with-a-rather-long-name/and-another-one-below-it-that-is-longer",
  );
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, `${"name-without-end-".repeat(8)}.md`), "Roses and tulips.");
  await writeFile(join(deep, "word.md"), `Roses ${"donaudampfschifffahrt".repeat(12)} grow.`);
  for (const name of ["a", "b", "c"]) {
    await writeFile(join(folder, `${name}.txt`), `Roses of the kind ${name} grow here. `.repeat(9));
  }
  await writeFile(join(folder, "picture.png"), "");
  [served, browser] = await Promise.all([servePage(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await served?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const phone = { width: 360, height: 740 };
const looks: Record<string, BrowserContextOptions> = {
  "light, on a desk": { colorScheme: "light" },
  "dark, on a desk": { colorScheme: "dark" },
  "light, on a phone": { colorScheme: "light", viewport: phone, hasTouch: true, isMobile: true },
  "dark, on a phone": { colorScheme: "dark", viewport: phone, hasTouch: true, isMobile: true },
};

/** Nothing that axe finds, and nothing that is wider than the screen. */
async function assertAccessible({ page }: Visitor, state: string): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const found = await axe.run(document);
    return found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }));
  });
  expect({ state, violations }).toEqual({ state, violations: [] });
  const overflow = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("body *")]
      .filter((element) => !element.matches(".for-ears, .skip"))
      .filter(({ offsetParent }) => offsetParent !== null)
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
      .map(({ className, tagName }) => `${tagName}.${className}`),
  );
  const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect({ state, overflow, width }).toEqual({ state, overflow: [], width: 0 });
}

describe.for(Object.entries(looks))("%s", ([, look]) => {
  test("every state of the page is fit for all", async () => {
    const visitor = await Visitor.arrive(browser, served.url, look);
    const { page } = visitor;
    await page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
    await assertAccessible(visitor, "empty");
    await visitor.drop(folder);
    await visitor.seesAllIndexed(5);
    await page.getByText("1 other file left out").waitFor();
    await assertAccessible(visitor, "filled");
    expect(await visitor.search("roses that grow")).toHaveLength(5);
    await assertAccessible(visitor, "results");
    expect(await visitor.search("zebra")).toHaveLength(0);
    await assertAccessible(visitor, "nothing found");
    await page.getByRole("button", { name: "Remove all documents" }).click();
    await page.getByRole("dialog").waitFor();
    await assertAccessible(visitor, "question");
    await visitor.leave();
  });

  test("so is the page that may not store anything", async () => {
    const workerProgram = `IDBFactory.prototype.open = () => {
      throw new DOMException("The user denied it.", "SecurityError");
    };`;
    const visitor = await Visitor.arrive(browser, served.url, { ...look, workerProgram });
    await visitor.page.getByRole("alert").waitFor();
    await assertAccessible(visitor, "refused");
    await visitor.leave();
  });
});

test("the keyboard alone is enough", async () => {
  const visitor = await Visitor.arrive(browser, served.url);
  const { page } = visitor;
  await page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
  // From the start, since the browser has to be told that a program answers it.
  const chooser = page.waitForEvent("filechooser");
  const focused = (): Promise<string> =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement;
      const name = element.labels?.[0]?.textContent ?? element.ariaLabel ?? element.textContent;
      return (name ?? "").trim();
    });
  const focusComesTo = (name: string): Promise<void> => expect.poll(focused).toBe(name);
  const press = async (...keys: string[]): Promise<string> => {
    for (const key of keys) await page.keyboard.press(key);
    return focused();
  };

  expect(await press("Tab")).toBe("Skip to the content");
  expect(await press("Enter", "Tab")).toBe("Choose files");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(["a", "b", "c"].map((name) => join(folder, `${name}.txt`)));
  await visitor.seesAllIndexed(3);

  await focusComesTo("What are you looking for?");
  await page.keyboard.type("roses of the kind b");
  expect((await visitor.results("roses of the kind b"))[0]).toBe("b.txt");
  await page.locator("#announcements", { hasText: "3 documents found." }).waitFor();

  expect(await press("Tab")).toBe("Choose files");
  expect(await press("Tab", "Tab", "Tab")).toBe("Remove b.txt");
  await page.keyboard.press("Enter");
  await visitor.seesTitle(2);
  await focusComesTo("Remove c.txt");
  await page.locator("#announcements", { hasText: "b.txt removed." }).waitFor();

  expect(await press("Tab")).toBe("Keep my documents");
  expect(await press("Tab", "Enter")).toBe("Cancel");
  expect(await press("Escape")).toBe("Remove all documents");
  expect(await press("Enter", "Tab")).toBe("Remove all");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
  await page.locator("#announcements", { hasText: "All documents removed." }).waitFor();
  await focusComesTo("Add text files or a folder");
  expect(await press("Tab")).toBe("Choose files");
  await visitor.leave();
});

test("the page does not move where movement is not wanted", async () => {
  const visitor = await Visitor.arrive(browser, served.url, { reducedMotion: "reduce" });
  await visitor.drop(join(folder, "a.txt"));
  await visitor.seesAllIndexed(1);
  const moving = await visitor.page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
  await visitor.leave();
});
