import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { removeFiles } from "./files.ts";
import { kvMemory } from "./groups/kvMemory.ts";
import { kvSqlite } from "./groups/kvSqlite.ts";
import { queueMemory } from "./groups/queueMemory.ts";
import { queueSqlite } from "./groups/queueSqlite.ts";
import { tabularSqlite } from "./groups/tabularSqlite.ts";
import { compare, type Group, type Line, runRounds } from "./measure.ts";

const GROUPS: readonly Group[] = [tabularSqlite, kvSqlite, kvMemory, queueSqlite, queueMemory];

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error("--rounds is an integer of 1 or more");

async function runGroup(group: Group): Promise<Line[]> {
  const contenders = await group.open();
  try {
    const rates = await runRounds(contenders, rounds, (step) => progress(`${group.name}: ${step}`));
    return compare(group, contenders, rates);
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function print(lines: readonly Line[]): void {
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
  if (!group.name.toLowerCase().includes(values.only.toLowerCase())) continue;
  const lines = await runGroup(group);
  progress("");
  all.push(...lines);
  if (!values.json) {
    console.log(group.name);
    print(lines);
    console.log();
  }
}
removeFiles();
const goals = all.filter((line) => line.goal !== undefined);
const met = goals.filter((line) => line.ratio >= (line.goal as number));
if (values.json) console.log(JSON.stringify(all));
else console.log(`${met.length} of ${goals.length} goals met.`);
