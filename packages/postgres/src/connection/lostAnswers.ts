import { sleep } from "@workglow/util";
import { closeConnection } from "./cancelOnServer.ts";
import type { PgClient } from "./PgPool.ts";

/** How long an answer may take before the server is asked about it, and how often it is, in ms. */
const CHECK_MS = 2_000;
/** For an answer that has come by now to be read. */
const READING_MS = 50;

/** Sessions that wait for their client, and have for longer than an answer travels. */
const IDLE_SESSIONS = `SELECT pid FROM pg_catalog.pg_stat_activity
WHERE pid = ANY ($1::int[]) AND state LIKE 'idle%' AND state_change < clock_timestamp() - interval '1 second'`;

/** What a client of `pg` has beside its documented methods; the native one has none of it. */
interface ClientInternals {
  readonly processID?: number | null;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly database?: string;
  readonly connectionParameters?: object;
  readonly constructor: new (config: object) => AskingClient;
}

interface AskingClient extends Pick<PgClient, "on"> {
  connect(): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly { pid: number }[] }>;
}

/** A statement that is still on its way is not lost: no network that is of use is slower. */
const SLOWEST_BYTES_PER_MS = 20;

/** When each client's statement should be with the server, in ms of `performance.now()`. */
const waiting = new Map<PgClient, number>();
let isCheckDue = false;

/**
 * Takes note that a statement has been sent. Networks lose connections without telling: where the
 * server has been through with a statement for a while and the answer has not come, it never will,
 * and the connection is closed, so that the call fails instead of waiting for ever. A statement that
 * still runs, or waits for a lock, is left alone, however long it takes.
 *
 * @param bytes about how much there is to send
 */
export function awaitAnswer(client: PgClient, bytes: number): void {
  waiting.set(client, performance.now() + bytes / SLOWEST_BYTES_PER_MS);
  if (!isCheckDue) checkLater();
}

/** Takes note that the answer is there. */
export function answerCame(client: PgClient): void {
  waiting.delete(client);
}

function checkLater(): void {
  isCheckDue = true;
  const timer = setTimeout(() => void check(), CHECK_MS);
  (timer as { unref?: () => void }).unref?.();
}

async function check(): Promise<void> {
  const before = performance.now() - CHECK_MS;
  const overdue = [...waiting].filter(([, since]) => since <= before);
  await Promise.all([...byServer(overdue).values()].map(closeLost));
  isCheckDue = false;
  if (waiting.size > 0) checkLater();
}

type Waiting = readonly [client: PgClient, since: number];

const internalsOf = (client: PgClient): ClientInternals => client as unknown as ClientInternals;

function byServer(clients: readonly Waiting[]): ReadonlyMap<string, readonly Waiting[]> {
  const groups = new Map<string, Waiting[]>();
  for (const entry of clients) {
    const { host, port, user, database } = internalsOf(entry[0]);
    const server = JSON.stringify([host, port, user, database]);
    groups.set(server, [...(groups.get(server) ?? []), entry]);
  }
  return groups;
}

async function closeLost(clients: readonly Waiting[]): Promise<void> {
  const idle = await idleSessions(clients);
  if (idle.size === 0) return;
  await sleep(READING_MS);
  for (const [client, since] of clients) {
    const isIdle = idle.has(internalsOf(client).processID);
    if (isIdle && waiting.get(client) === since) closeConnection(client);
  }
}

/** Asks on a connection of its own, as all others may be waiting; knows of none where it cannot. */
async function idleSessions(clients: readonly Waiting[]): Promise<ReadonlySet<unknown>> {
  const [[first]] = clients as [Waiting];
  const { connectionParameters, constructor: Client } = internalsOf(first);
  const known = clients.filter(([client]) => typeof internalsOf(client).processID === "number");
  if (connectionParameters === undefined || known.length === 0) return new Set();
  let asking: AskingClient | undefined;
  const close = (): void => asking && closeConnection(asking as unknown as PgClient);
  const deadline = setTimeout(close, CHECK_MS);
  try {
    asking = new Client(connectionParameters);
    asking.on("error", () => undefined);
    await asking.connect();
    const sessions = known.map(([client]) => internalsOf(client).processID);
    const { rows } = await asking.query(IDLE_SESSIONS, [sessions]);
    return new Set(rows.map(({ pid }) => pid));
  } catch {
    return new Set();
  } finally {
    clearTimeout(deadline);
    close();
  }
}
