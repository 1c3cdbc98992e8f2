import pg from "pg";
import { onTestFinished } from "vitest";

/** What a statement looks like to the driver. */
interface Sent {
  readonly text: string;
  readonly name?: string;
}

/** A pool that is ended with the test. */
export function testPool(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4, ...config });
  // Ended by hand in some tests.
  onTestFinished(() => pool.end().catch(() => undefined));
  return pool;
}

/** What is sent beside the calls, now and then, to tell subscribers of other processes. */
const isNotification = ({ text }: Sent): boolean =>
  /pg_notify\(|_workglow_subscribers|to_regclass\(/.test(text);

/** A pool that notes each statement as it is sent, in one round trip each. */
export function spiedPool(
  url: string,
  config: pg.PoolConfig = {},
): { readonly pool: pg.Pool; readonly sent: Sent[]; readonly texts: () => string[] } {
  const sent: Sent[] = [];
  class SpiedClient extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: one signature for all overloads of the driver's
    public override query(...args: any[]): any {
      const statement: Sent = typeof args[0] === "string" ? { text: args[0] } : args[0];
      if (!isNotification(statement)) sent.push(statement);
      return (super.query as (...all: unknown[]) => unknown).apply(this, args);
    }
  }
  const pool = testPool(url, { ...config, Client: SpiedClient as never });
  return { pool, sent, texts: () => sent.map(({ text }) => text) };
}

/** A client of one's own, for what happens beside the library. */
export async function testClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}
