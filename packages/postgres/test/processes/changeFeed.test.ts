import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import {
  Collected,
  listenTo,
  type Note,
  notes,
  pause,
  type ServerPlace,
  serverPlace,
  until,
} from "../changesKit.ts";

const WRITER = fileURLToPath(new URL("./changeWriter.child.ts", import.meta.url));
const SUBSCRIBER = fileURLToPath(new URL("./changeSubscriber.child.ts", import.meta.url));

function writer(url: string, schema: string, transactions: number, seed: number): ChildProcess {
  const child = fork(WRITER, [url, schema, `${transactions}`, `${seed}`], {
    execArgv: ["--conditions=@workglow/source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** What was done to a row, as the oracle says it. */
const deeds = ({ changes }: Collected<Note>): string[] =>
  changes.map(({ type, old, new: row }) =>
    type === "DELETE" ? `DELETE ${old?.id} ${old?.size}` : `PUT ${row?.id} ${row?.size}`,
  );

/** Reads the log as if its numbers were in the order of the commits; says how many it has seen. */
function readByNumber({ raw }: ServerPlace): { stop(): Promise<number> } {
  let ended = false;
  const reading = (async () => {
    let [seen, last] = [0, 0];
    for (let left = 2; left > 0; left = ended ? left - 1 : left) {
      const rows = await raw.rows(
        `SELECT seq FROM _workglow_changes_notes WHERE seq > ${last} AND kind > 0 ORDER BY seq`,
      );
      seen += rows.length;
      last = Number(rows.at(-1)?.[0] ?? last);
      await pause(5);
    }
    return seen;
  })();
  return {
    stop: () => {
      ended = true;
      return reading;
    },
  };
}

it.each(servers().all)(
  "brings 10,000 changes of competing processes once each, each row's in order, to all in one order, on $title",
  async ({ url }) => {
    const place = await serverPlace(url);
    await place.raw.run(`CREATE TABLE oracle (kind text, id text, version double precision);
      CREATE SEQUENCE versions`);
    const listening = await listenTo(await place.open());
    const polling = await listenTo(await place.open({ listen: false }), { pollingIntervalMs: 40 });
    const children = [1, 2, 3, 4].map((n) => writer(url, place.schema, 1_600, n * 7_919));
    const naive = readByNumber(place);
    const ends = await Promise.all(children.map((child) => once(child, "exit")));
    expect(ends).toEqual(children.map(() => [0, null]));

    const oracle = await place.raw.rows("SELECT kind, id, version FROM oracle");
    const expected = oracle.map(([kind, id, version]) => `${kind} ${id} ${version}`).sort();
    expect(expected.length).toBeGreaterThan(10_000);
    // Whoever takes the numbers for the order of the commits loses some of them.
    expect(await naive.stop()).toBeLessThan(expected.length);
    await until(() => listening.heard.changes.length >= expected.length, 60_000);
    await until(() => polling.heard.changes.length >= expected.length, 60_000);

    expect(deeds(listening.heard).sort()).toEqual(expected);
    expect(polling.heard.changes).toEqual(listening.heard.changes);
    // Each change of a row begins with what the one before has left.
    const rows = new Map<string, Note>();
    for (const { type, old, new: row } of listening.heard.changes) {
      const id = (old ?? row)?.id as string;
      expect([type, old]).toEqual([
        row === undefined ? "DELETE" : rows.has(id) ? "UPDATE" : "INSERT",
        rows.get(id),
      ]);
      if (row === undefined) rows.delete(id);
      else rows.set(id, row);
    }
    const left = await place.raw.rows("SELECT id, size FROM notes ORDER BY id");
    expect([...rows.values()].map(({ id, size }) => [id, size]).sort()).toEqual([...left].sort());
  },
);

it.each(servers().all.flatMap((server) => ["both", "pool"].map((ends) => ({ ...server, ends }))))(
  "keeps a program running for as long as it listens, and ends with $ends, on $title",
  async ({ url, ends }) => {
    const place = await serverPlace(url);
    const child = fork(SUBSCRIBER, [url, place.schema, ends], {
      execArgv: ["--conditions=@workglow/source"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = once(child, "exit");
    await once(child, "message");
    await pause(1_000);
    expect(child.exitCode).toBe(null);
    await place.raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    expect(await ended).toEqual([0, null]);
  },
);

it.each(servers().all)(
  "brings whoever comes, goes and comes back while others write all that was committed since, on $title",
  async ({ url }) => {
    const place = await serverPlace(url);
    await place.raw.run(`CREATE TABLE oracle (kind text, id text, version double precision);
      CREATE SEQUENCE versions`);
    const done = async (): Promise<string[]> =>
      (await place.raw.rows("SELECT kind, id, version FROM oracle")).map((row) => row.join(" "));
    const children = [1, 2, 3].map((n) => writer(url, place.schema, 700, n * 104_729));
    const ends = Promise.all(children.map((child) => once(child, "exit")));
    let writing = true;
    void ends.then(() => {
      writing = false;
    });
    // The first one finds a log that nobody has listened to yet, and writers in the middle of things.
    await until(async () => (await done()).length > 100);
    const newcomers: { heard: Collected<Note>; before: ReadonlySet<string> }[] = [];
    const come = async (): Promise<void> => {
      const { heard } = await listenTo(await place.open());
      newcomers.push({ heard, before: new Set(await done()) });
    };
    await come();
    const restless = new Collected<Note>();
    const opened = await place.open();
    while (writing) {
      const since = restless.changes.at(-1)?.position;
      const unsubscribe = opened.feed.subscribe(notes, restless.add, {
        pollingIntervalMs: 10,
        since,
      });
      await unsubscribe.ready;
      if (newcomers.length < 6) await come();
      await pause(150);
      unsubscribe();
      await opened.feed.idle();
    }
    expect(await ends).toEqual(children.map(() => [0, null]));
    const since = restless.changes.at(-1)?.position as string;
    onTestFinished(opened.feed.subscribe(notes, restless.add, { pollingIntervalMs: 10, since }));

    const all = await done();
    for (const { heard, before } of newcomers) {
      const owed = all.filter((deed) => !before.has(deed));
      await until(() => heard.changes.length >= owed.length, 30_000);
      await until(() => {
        const told = new Set(deeds(heard));
        return owed.every((deed) => told.has(deed));
      }, 30_000);
      expect(new Set(deeds(heard)).size).toBe(heard.changes.length);
      expect(heard.types).not.toContain("RESYNC");
    }
    const [first] = newcomers as [(typeof newcomers)[0]];
    const from = first.heard.changes.findIndex(
      ({ position }) => position === restless.changes[0]?.position,
    );
    const rest = first.heard.changes.slice(from);
    await until(() => restless.changes.length >= rest.length, 30_000);
    expect(restless.changes).toEqual(rest);
  },
);
