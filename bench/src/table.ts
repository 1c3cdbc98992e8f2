import type { Line } from "./measure.ts";

/** Prints a group's lines. */
export function printTable(lines: readonly Line[]): void {
  if (lines.length === 0) console.log("  not run: this machine lacks what it needs");
  const width = Math.max(...lines.map((line) => line.operation.length));
  for (const { operation, peer, ratio, ours, theirs, goal } of lines) {
    const verdict =
      goal === undefined ? "" : `goal ${goal.toFixed(2)} ${ratio >= goal ? "met" : "MISSED"}`;
    console.log(
      `  ${operation.padEnd(width)}  ${ratio.toFixed(2).padStart(6)} × ${peer.padEnd(17)}` +
        ` ${perSecond(ours)} : ${perSecond(theirs)}  ${verdict}`,
    );
  }
}

/** Rates under a hundred keep a decimal: those of searches and scans. */
const perSecond = (rate: number): string => {
  const maximumFractionDigits = rate < 100 ? 1 : 0;
  return `${rate.toLocaleString("en-US", { maximumFractionDigits }).padStart(10)}/s`;
};
