// The commands of scripts/postgres.mjs.
import { parseArgs } from "node:util";
import {
  runningServers,
  type ServerUrls,
  startInBackground,
  stopBackground,
} from "./background.ts";
import type { PostgresSettings } from "./supervision.ts";

const usage = `Usage: node scripts/postgres.mjs start [--embedded-only] [-c NAME=VALUE]… | stop | status

  start    starts PostgreSQL in the background and prints the URLs of its databases
  stop     stops it and removes its data
  status   prints the URLs where it runs

  --embedded-only   not the server with pgvector, which needs root and apt
  -c NAME=VALUE     a setting as in postgresql.conf; fsync is off unless given`;

function settingsIn(given: readonly string[]): PostgresSettings {
  return Object.fromEntries(
    given.map((setting) => {
      const at = setting.indexOf("=");
      if (at < 1) throw new TypeError(`-c ${setting} is not NAME=VALUE.`);
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

function print({ urls, notRun }: ServerUrls) {
  for (const { title, url } of urls) console.log(`${url}   ${title}`);
  for (const line of notRun) console.log(`Not run here: ${line}`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "embedded-only": { type: "boolean", default: false },
      setting: { type: "string", short: "c", multiple: true, default: [] },
    },
  });
  const [command, ...rest] = positionals;
  const running = runningServers();
  if (rest.length > 0) throw new TypeError(`Unexpected argument ${rest[0]}.`);
  if (command === "start") {
    const options = {
      debian: !values["embedded-only"],
      settings: settingsIn(values.setting),
    };
    print(running ?? (await startInBackground(options, (line) => console.error(line))));
  } else if (command === "stop") {
    await stopBackground();
    console.log(running ? "Stopped." : "Nothing runs.");
  } else if (command === "status") {
    if (running) print(running);
    else console.log("Nothing runs.");
  } else throw new TypeError(command ? `Unknown command ${command}.` : "No command is given.");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof TypeError) console.error(usage);
  process.exitCode = 1;
}
