import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readJunitReport, readVitestReport } from "../lib/testReports.mjs";

const folder = mkdtempSync(join(tmpdir(), "workglow-reports-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("readVitestReport", () => {
  test("counts tests, and a file that could not be loaded as a failure", () => {
    const path = file(
      "vitest.json",
      JSON.stringify({
        testResults: [
          {
            status: "failed",
            assertionResults: [
              { status: "passed", fullName: "a" },
              { status: "failed", fullName: "b" },
              { status: "skipped", fullName: "c" },
            ],
          },
          { status: "failed", assertionResults: [] },
          { status: "passed", assertionResults: [{ status: "passed", fullName: "d" }] },
        ],
      }),
    );
    expect(readVitestReport(path)).toEqual({ passed: 2, failed: 2, notRun: ["c"] });
  });

  test("a run that wrote no report has no counts", () => {
    expect(readVitestReport(join(folder, "missing.json"))).toBeUndefined();
  });
});

describe("readJunitReport", () => {
  test("counts passed, failed and broken cases, and names those that were left out", () => {
    const path = file(
      "junit.xml",
      `<testsuites><testsuite name="s">
        <testcase name="a -> b" time="0"/>
        <testcase name="b" time="0"></testcase>
        <testcase name="c"><failure type="AssertionError">no</failure></testcase>
        <testcase name="d"><error>no</error></testcase>
        <testcase name="&quot;e&quot; &lt; f" classname="x"><skipped /></testcase>
      </testsuite></testsuites>`,
    );
    expect(readJunitReport(path)).toEqual({ passed: 2, failed: 2, notRun: ['"e" < f'] });
  });
});
