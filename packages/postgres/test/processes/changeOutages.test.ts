import { getLogger, setLogger } from "@workglow/util";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { listenTo, pause, serverPlace } from "../changesKit.ts";
import { startOwnServer } from "../servers/startOwnServer.ts";

it("a server that crashes and comes back leaves no gap, and ends nobody", async () => {
  const before = getLogger();
  setLogger({ ...before, warn: () => {}, error: () => {} });
  onTestFinished(() => setLogger(before));
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));

  const server = await startOwnServer({ settings: { fsync: true } });
  onTestFinished(() => server.close());
  const place = await serverPlace(server.url);
  const opened = await place.open();
  const { heard } = await listenTo(opened);
  const acknowledged: string[] = [];
  const write = async (id: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server.url });
    client.on("error", () => undefined);
    await client.connect();
    await client.query(`INSERT INTO ${place.schema}.notes VALUES ($1, 'x', 1)`, [id]);
    acknowledged.push(id);
    await client.end();
  };
  for (let round = 0; round < 3; round++) {
    await write(`before ${round}`);
    await server.stop("immediate");
    await pause(300);
    await server.start();
    await write(`after ${round}`);
  }
  await write("last");
  await heard.reach(acknowledged.length, 30_000);
  expect(heard.plain.map((change) => change.new?.id)).toEqual(acknowledged);
  expect(unhandled).toEqual([]);
});
