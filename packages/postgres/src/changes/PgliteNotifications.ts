import type { PgliteSource } from "../connection/PgliteSource.ts";
import { quote } from "./changeLogNames.ts";
import type { NotificationSource } from "./NotificationSource.ts";

/** Listens on the one session of an embedded database. */
export class PgliteNotifications implements NotificationSource {
  private readonly source: PgliteSource;

  public constructor(source: PgliteSource) {
    this.source = source;
  }

  public async listen(
    channel: string,
    heard: (payload: string) => void,
  ): Promise<() => Promise<void>> {
    return this.source.database.listen(quote(channel), heard);
  }
}
