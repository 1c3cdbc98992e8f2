import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { findChromium } from "../lib/chromium/findChromium.ts";
import { Unavailable } from "../lib/Unavailable.ts";

const folder = mkdtempSync(join(tmpdir(), "workglow-chromium-"));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("findChromium", () => {
  test("gives the one that WORKGLOW_CHROMIUM names, whatever else there is", () => {
    const path = join(folder, "my-chromium");
    writeFileSync(path, "");
    vi.stubEnv("WORKGLOW_CHROMIUM", path);
    expect(findChromium()).toBe(path);
  });

  test("does not fall back where WORKGLOW_CHROMIUM names nothing", () => {
    vi.stubEnv("WORKGLOW_CHROMIUM", join(folder, "missing"));
    expect(findChromium).toThrow(Unavailable);
    expect(findChromium).toThrow(/WORKGLOW_CHROMIUM is .*missing: no such file/);
  });

  test("looks along the PATH", () => {
    const path = join(folder, "chromium");
    writeFileSync(path, "");
    vi.stubEnv("WORKGLOW_CHROMIUM", "");
    vi.stubEnv("PATH", folder);
    expect(findChromium()).toBe(path);
  });
});
