import type { Added } from "./PageState.ts";

const bytesIn = (unit: string, digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat("en", {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: digits,
  });

const UNITS = [
  { bytes: 1e9, format: bytesIn("gigabyte", 1) },
  { bytes: 1e6, format: bytesIn("megabyte", 1) },
  { bytes: 1e3, format: bytesIn("kilobyte", 0) },
] as const;

/** A number of bytes as people say it. */
export function sizeInWords(bytes: number): string {
  const unit = UNITS.find((unit) => bytes >= unit.bytes);
  return unit === undefined ? countOf(bytes, "byte") : unit.format.format(bytes / unit.bytes);
}

const whole = new Intl.NumberFormat("en");

/** A number with its noun, which takes an "s" in the plural. */
export function countOf(n: number, noun: string): string {
  return `${whole.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** What became of the files that were given but not added; empty where all were. */
export function notAddedInWords({ added, unchanged, otherFiles, leftOut }: Added): string {
  const others = countOf(otherFiles, "other file");
  const failed = countOf(leftOut.length, "file");
  return [
    unchanged > 0 ? `${countOf(unchanged, "document")} already here.` : "",
    otherFiles > 0 ? `${others} left out: only text is searched.` : "",
    leftOut.length > 0 ? `${failed} could not be added.` : "",
    added + unchanged + otherFiles + leftOut.length === 0 ? "There are no files in it." : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
}
