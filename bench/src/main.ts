import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { closeChromium, inChromium } from "./chromium/inChromium.ts";
import { removeFiles } from "./files.ts";
import { changesPostgres } from "./groups/changesPostgres.ts";
import { kvMemory } from "./groups/kvMemory.ts";
import { kvSqlite } from "./groups/kvSqlite.ts";
import { queueMemory } from "./groups/queueMemory.ts";
import { queuePostgres } from "./groups/queuePostgres.ts";
import { queuePostgresHistory } from "./groups/queuePostgresHistory.ts";
import { queuePostgresIdle } from "./groups/queuePostgresIdle.ts";
import { queueSqlite } from "./groups/queueSqlite.ts";
import { tabularPostgres } from "./groups/tabularPostgres.ts";
import { tabularSqlite } from "./groups/tabularSqlite.ts";
import { vectorPostgres } from "./groups/vectorPostgres.ts";
import { type Group, type Line, type Measure, runGroup } from "./measure.ts";
import { printTable } from "./table.ts";

/** A group, and where it runs. */
interface Comparison {
  readonly name: string;
  readonly run: Measure;
}

const inNode = (group: Group): Comparison => ({
  name: group.name,
  run: (options) => runGroup(group, { ...options, collectGarbage: globalThis.gc }),
});

const COMPARISONS: readonly Comparison[] = [
  ...[
    tabularSqlite,
    kvSqlite,
    kvMemory,
    queueSqlite,
    queueMemory,
    tabularPostgres,
    changesPostgres,
    vectorPostgres,
    queuePostgres,
    queuePostgresIdle,
    queuePostgresHistory,
  ].map(inNode),
  ...inChromium,
];

// `npm run bench -- queue postgres` runs the groups that have all these words in their name.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error("--rounds is an integer of 1 or more");

const words = [values.only, ...positionals].map((word) => word.toLowerCase());

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

const all: Line[] = [];
if (!values.json) {
  console.log(
    `Ours divided by the peer's, median of ${rounds} rounds. ${cpus()[0]?.model ?? ""}, Node ${process.version}\n`,
  );
}
try {
  for (const { name, run } of COMPARISONS) {
    if (!words.every((word) => name.toLowerCase().includes(word))) continue;
    const { lines, about } = await run({ rounds, onStep: progress });
    progress("");
    all.push(...lines);
    if (values.json) continue;
    console.log([name, about].filter(Boolean).join(": "));
    printTable(lines);
    console.log();
  }
} finally {
  await closeChromium();
  removeFiles();
}
const goals = all.filter((line) => line.goal !== undefined);
const met = goals.filter((line) => line.ratio >= (line.goal as number));
if (values.json) console.log(JSON.stringify(all));
else console.log(`${met.length} of ${goals.length} goals met.`);
