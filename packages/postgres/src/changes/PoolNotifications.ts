import { PgConnection } from "../connection/PgConnection.ts";
import type { PgNotification, PgPool } from "../connection/PgPool.ts";
import type { PoolSource } from "../connection/PoolSource.ts";
import { quote } from "./changeLogNames.ts";
import type { NotificationSource } from "./NotificationSource.ts";

/** Listens on one connection of a pool, but never on the only one. */
export class PoolNotifications implements NotificationSource {
  private readonly source: PoolSource;

  public constructor(source: PoolSource) {
    this.source = source;
  }

  public async listen(
    channel: string,
    heard: (payload: string) => void,
    lost: () => void,
  ): Promise<(() => Promise<void>) | undefined> {
    const pool = this.source.handle as PgPool;
    if ((pool.options?.max ?? Number.POSITIVE_INFINITY) <= 1 || pool.ending === true) {
      return undefined;
    }
    const client = await this.source.acquire();
    const onNotification = (message: PgNotification): void => {
      if (message.channel === channel) heard(message.payload ?? "");
    };
    let over = false;
    const finish = (): void => {
      over = true;
      this.source.ends.remove(onLost);
      client.removeListener("notification", onNotification);
      client.removeListener("error", onLost);
      client.removeListener("end", onLost);
      // Not to be used again: it would go on listening.
      client.release(true);
    };
    const onLost = (): void => {
      if (over) return;
      finish();
      lost();
    };
    client.on("notification", onNotification);
    client.on("error", onLost);
    client.on("end", onLost);
    try {
      this.source.ends.add(onLost);
      await new PgConnection(client).command(`LISTEN ${quote(channel)}`);
    } catch (error) {
      if (!over) finish();
      throw error;
    }
    return async () => {
      if (!over) finish();
    };
  }
}
