import { existsSync, readFileSync } from "node:fs";

/**
 * @typedef {object} TestCounts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} notRun tests that were listed but not executed
 */

/**
 * @param {string} path a report of vitest's JSON reporter
 * @returns {TestCounts | undefined} undefined where the run ended before it wrote one
 */
export function readVitestReport(path) {
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, "utf8"));
  /** @type {{ status: string, name: string, message?: string, assertionResults: { status: string, fullName: string }[] }[]} */
  const files = report.testResults;
  const tests = files.flatMap((file) => file.assertionResults);
  const broken = files.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  const count = (/** @type {string} */ status) => tests.filter((t) => t.status === status).length;
  return {
    passed: count("passed"),
    // A file that could not be loaded has no tests to fail.
    failed: count("failed") + broken.length,
    notRun: tests
      .filter(({ status }) => status !== "passed" && status !== "failed")
      .map(({ fullName }) => fullName),
  };
}

/**
 * @param {string} path a JUnit report, as Bun and Node write it
 * @returns {TestCounts | undefined} undefined where the run ended before it wrote one
 */
export function readJunitReport(path) {
  if (!existsSync(path)) return undefined;
  const xml = readFileSync(path, "utf8");
  /** @type {TestCounts} */
  const counts = { passed: 0, failed: 0, notRun: [] };
  // Attributes are matched one by one: Node leaves ">" in their values as it is.
  for (const [, attributes = "", body = ""] of xml.matchAll(
    /<testcase((?:\s+[\w:-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    if (/<skipped\b/.test(body)) counts.notRun.push(nameIn(attributes));
    else if (/<(failure|error)\b/.test(body)) counts.failed += 1;
    else counts.passed += 1;
  }
  return counts;
}

/** @param {string} attributes */
function nameIn(attributes) {
  const name = /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "unnamed test";
  return name
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
