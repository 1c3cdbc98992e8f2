import type { PgClient } from "./PgPool.ts";

/** How long a server may take to answer a request to cancel, in ms. */
const DEADLINE_MS = 5_000;

/** What a client of `pg` has beside its documented methods; the native one has none of it. */
interface ClientInternals {
  readonly processID?: number | null;
  readonly secretKey?: unknown;
  readonly host?: string;
  readonly port?: number;
  readonly connectionParameters?: object;
  readonly connection?: WireConnection;
  readonly constructor: new (config: object) => { readonly connection?: WireConnection };
}

interface WireConnection {
  connect(port: number | string, host?: string): void;
  cancel(processId: number, secretKey: unknown): void;
  end?(): void;
  readonly stream?: { destroy(): void };
  on(event: string, listener: () => void): unknown;
}

/**
 * Asks the server to stop what runs on a connection, through one of its own, as the protocol has
 * it: poolers understand that too. Resolves when the server has taken notice; never throws.
 */
export function cancelOnServer(client: PgClient): Promise<void> {
  const internals = client as unknown as ClientInternals;
  const { processID, secretKey, host, port, connectionParameters } = internals;
  if (typeof processID !== "number" || port === undefined || connectionParameters === undefined) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    let connection: WireConnection | undefined;
    const timer = setTimeout(() => end(), DEADLINE_MS);
    const end = (): void => {
      clearTimeout(timer);
      connection?.stream?.destroy();
      resolve();
    };
    try {
      ({ connection } = new internals.constructor(connectionParameters));
      if (connection === undefined) return end();
      const wire = connection;
      const request = (): void => wire.cancel(processID, secretKey);
      wire.on("connect", request);
      wire.on("error", end);
      // The server closes the connection when it has sent the signal.
      wire.on("end", end);
      if (host?.startsWith("/")) wire.connect(`${host}/.s.PGSQL.${port}`);
      else wire.connect(port, host);
    } catch {
      end();
    }
  });
}

/** Ends a connection from which no answer comes, so that who waits for one is told. */
export function closeConnection(client: PgClient): void {
  (client as unknown as ClientInternals).connection?.stream?.destroy();
}
