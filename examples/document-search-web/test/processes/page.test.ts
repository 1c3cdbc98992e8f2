import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServedPage, servePage } from "./servePage.ts";
import { startBrowser, Visitor } from "./Visitor.ts";

let folder: string;
let served: ServedPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-page-files-"));
  await mkdir(join(folder, "notes/garden"), { recursive: true });
  await mkdir(join(folder, "notes/node_modules"));
  await writeFile(join(folder, "notes/bread.md"), "# Bread\n\nFlour, water, salt and a night.");
  await writeFile(join(folder, "notes/garden/bees.md"), "Bees like roses that bloom in June.");
  await writeFile(join(folder, "notes/garden/photo.jpg"), "not a text");
  await writeFile(join(folder, "notes/node_modules/readme.md"), "Somebody else's roses.");
  await writeFile(join(folder, "tea.txt"), "Green tea is steeped for two minutes, never boiled.");
  [served, browser] = await Promise.all([servePage(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await served?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const arrive = (): Promise<Visitor> => Visitor.arrive(browser, served.url);
const file = (path: string): string => join(folder, path);

describe("documents", () => {
  test("are added by dropping folders and files, and found", async () => {
    const visitor = await arrive();
    await visitor.drop(file("notes"), file("tea.txt"));
    await visitor.seesAllIndexed(3);
    expect(await visitor.documents()).toEqual([
      "notes/bread.md",
      "notes/garden/bees.md",
      "tea.txt",
    ]);
    await visitor.page.getByText("1 other file left out").waitFor();
    expect(await visitor.search("how long is tea steeped?")).toEqual(["tea.txt"]);
    const marks = visitor.page.locator(".result mark");
    expect(await marks.allInnerTexts()).toEqual(["tea", "steeped"]);
    expect(await visitor.search("blooming rose")).toEqual(["notes/garden/bees.md"]);
    await visitor.leave();
  });

  test("are still there after a reload, and so is the question", async () => {
    const visitor = await arrive();
    await visitor.drop(file("notes"));
    await visitor.seesAllIndexed(2);
    const before = await visitor.search("roses");
    await visitor.page.reload();
    expect(await visitor.results("roses")).toEqual(before);
    expect(await visitor.page.getByRole("searchbox").inputValue()).toBe("roses");
    await visitor.seesAllIndexed(2);
    expect(await visitor.search("flour")).toEqual(["notes/bread.md"]);
    await visitor.leave();
  });

  test("are indexed anew when they have changed, and only then", async () => {
    const visitor = await arrive();
    const note = file("note.md");
    await writeFile(note, "All about apples.");
    await visitor.pick(note);
    await visitor.seesAllIndexed(1);
    await visitor.pick(note);
    await visitor.page.getByText("1 document already here.").waitFor();
    await writeFile(note, "All about cherries.");
    await visitor.pick(note);
    await expect.poll(() => visitor.search("cherry")).toEqual([]);
    await expect.poll(() => visitor.search("cherries")).toEqual(["note.md"]);
    expect(await visitor.search("apples")).toEqual([]);
    await visitor.seesTitle(1);
    await visitor.leave();
  });

  test("are removed one by one, and all of them after a question", async () => {
    const visitor = await arrive();
    await visitor.drop(file("notes"), file("tea.txt"));
    await visitor.seesAllIndexed(3);
    await visitor.search("roses");
    await visitor.page.getByRole("button", { name: "Remove notes/garden/bees.md" }).click();
    await visitor.seesTitle(2);
    expect(await visitor.documents()).toEqual(["notes/bread.md", "tea.txt"]);
    await expect.poll(() => visitor.results("roses")).toEqual([]);
    await visitor.page.getByText("Nothing found for “roses”").waitFor();

    const removeAll = visitor.page.getByRole("button", { name: "Remove all documents" });
    await removeAll.click();
    await visitor.page.getByRole("button", { name: "Cancel" }).click();
    await visitor.seesTitle(2);
    await removeAll.click();
    await visitor.page.getByRole("button", { name: "Remove all", exact: true }).click();
    await visitor.page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
    await visitor.page.reload();
    await visitor.page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
    await visitor.leave();
  });

  test("of a sample can be tried", async () => {
    const visitor = await arrive();
    await visitor.page.getByRole("button", { name: "Try it with a sample" }).click();
    const [first] = await visitor.search("how is a job claimed under a lease?");
    expect(first).toMatch(/^manual\//u);
    await visitor.leave();
  });

  test("leave the browser in no request", async () => {
    const visitor = await arrive();
    await visitor.drop(file("notes"));
    await visitor.seesAllIndexed(2);
    await visitor.search("roses");
    const elsewhere = visitor.requests.filter((url) => !url.startsWith(served.url));
    expect(elsewhere).toEqual([]);
    const policy = visitor.page.locator('meta[http-equiv="Content-Security-Policy"]');
    expect(await policy.getAttribute("content")).toContain("default-src 'none'");
    await visitor.leave();
  });
});

describe("files that cannot be added", () => {
  test("are named, with the reason, and stop no others", async () => {
    const visitor = await arrive();
    await writeFile(file("huge.txt"), Buffer.alloc(33 * 2 ** 20, 97));
    await visitor.drop(file("huge.txt"), file("tea.txt"));
    await visitor.seesAllIndexed(1);
    await visitor.page.getByText("1 file could not be added.", { exact: true }).waitFor();
    await visitor.page.getByText("Which, and why").click();
    await visitor.page.getByText("huge.txt: it is larger than 32 MB").waitFor();
    await visitor.page.getByRole("button", { name: "Dismiss" }).click();
    expect(await visitor.page.getByText("huge.txt").count()).toBe(0);
    await visitor.leave();
  });
});

describe("where the browser", () => {
  test("has no room left, that is said, and smaller files can be added all the same", async () => {
    const visitor = await Visitor.arrive(browser, served.url, { quotaBytes: 1e6 });
    await writeFile(file("large.txt"), "Roses, tulips and lilies.\n".repeat(2e5));
    await visitor.drop(file("large.txt"));
    await visitor.page.getByText("There is no room left.").waitFor();
    await visitor.page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
    await visitor.drop(file("notes"));
    await visitor.seesAllIndexed(2);
    expect(await visitor.page.getByText("There is no room left.").count()).toBe(0);
    await visitor.leave();
  });

  test("has no room for the index of a document, that is said of it", async () => {
    const visitor = await Visitor.arrive(browser, served.url, { quotaBytes: 8e6 });
    await writeFile(file("large.txt"), "Roses, tulips and lilies.\n".repeat(2e5));
    await visitor.drop(file("large.txt"));
    await visitor.page
      .getByText(/^Failed: .*no more room.* Add the file again to retry\.$/u)
      .waitFor();
    await visitor.leave();
  });

  test("is asked to keep the documents, its answer is shown", async () => {
    const visitor = await arrive();
    await visitor.pick(file("tea.txt"));
    await visitor.seesAllIndexed(1);
    const keep = visitor.page.getByRole("button", { name: "Keep my documents" });
    await keep.click();
    await visitor.page.locator(".storage p", { hasText: "The browser did not agree." }).waitFor();
    await visitor.page.evaluate(() => {
      const agreed = async (): Promise<boolean> => true;
      Object.assign(navigator.storage, { persist: agreed, persisted: agreed });
    });
    await keep.click();
    await visitor.page.getByText("Kept until you remove it").waitFor();
    expect(await keep.count()).toBe(0);
    await visitor.leave();
  });

  test("refuses to store anything, that is said, and the page works without", async () => {
    const workerProgram = `IDBFactory.prototype.open = () => {
      throw new DOMException("The user denied it.", "SecurityError");
    };`;
    const visitor = await Visitor.arrive(browser, served.url, { workerProgram });
    await visitor.page.getByText("This browser keeps nothing for this page").waitFor();
    await visitor.page.getByRole("button", { name: "Try again" }).click();
    await visitor.page.getByText("This browser keeps nothing for this page").waitFor();
    await visitor.page.getByRole("button", { name: "Go on without keeping anything" }).click();
    await visitor.page.getByText("when you close this tab, everything is gone").waitFor();
    await visitor.drop(file("notes"));
    await visitor.seesAllIndexed(2);
    expect(await visitor.search("roses")).toEqual(["notes/garden/bees.md"]);
    await visitor.leave();
  });

  test("lets another tab hold on to an older version, that is said", async () => {
    const context = await browser.newContext();
    const old = await context.newPage();
    await old.goto(new URL("icon.svg", served.url).href);
    const release = await old.evaluateHandle(async () => {
      const opening = indexedDB.open("document-search", 1);
      await new Promise((resolve) => opening.addEventListener("success", resolve));
      return () => opening.result.close();
    });
    const visitor = await Visitor.in(context, served.url);
    await visitor.page.getByText("Still opening.").waitFor();
    await visitor.page.getByText("Another tab is in the way").waitFor();
    await release.evaluate((close) => close());
    await visitor.page.getByRole("button", { name: "Try again" }).click();
    await visitor.page.getByRole("heading", { name: "Add text files or a folder" }).waitFor();
    await visitor.leave();
  });

  test("does not start the worker, that is said", async () => {
    const workerProgram = `throw new Error("no worker today");`;
    const visitor = await Visitor.arrive(browser, served.url, { workerProgram });
    await visitor.page.getByText("Something went wrong").waitFor();
    await visitor.page.getByText("no worker today").waitFor();
    expect(visitor.complaints.splice(0)).not.toEqual([]);
    await visitor.leave();
  });
});
