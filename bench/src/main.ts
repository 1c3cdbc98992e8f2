import { cpus } from "node:os";
import { parseArgs } from "node:util";
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
import { type Contender, compare, type Group, type Line, runRounds } from "./measure.ts";

const GROUPS: readonly Group[] = [
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

async function runGroup(group: Group): Promise<{ lines: Line[]; about: string }> {
  let contenders: readonly Contender[] = [];
  try {
    contenders = await group.open();
    const rates = await runRounds(contenders, rounds, (step) => progress(`${group.name}: ${step}`));
    return { lines: compare(group, contenders, rates), about: group.about?.() ?? "" };
  } finally {
    for (const contender of contenders) await contender.close();
    await group.close?.();
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function print(lines: readonly Line[]): void {
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

const perSecond = (rate: number): string =>
  `${Math.round(rate).toLocaleString("en-US").padStart(10)}/s`;

const all: Line[] = [];
if (!values.json) {
  console.log(
    `Ours divided by the peer's, median of ${rounds} rounds. ${cpus()[0]?.model ?? ""}, Node ${process.version}\n`,
  );
}
for (const group of GROUPS) {
  if (!words.every((word) => group.name.toLowerCase().includes(word))) continue;
  const { lines, about } = await runGroup(group);
  progress("");
  all.push(...lines);
  if (!values.json) {
    console.log([group.name, about].filter(Boolean).join(": "));
    print(lines);
    console.log();
  }
}
removeFiles();
const goals = all.filter((line) => line.goal !== undefined);
const met = goals.filter((line) => line.ratio >= (line.goal as number));
if (values.json) console.log(JSON.stringify(all));
else console.log(`${met.length} of ${goals.length} goals met.`);
