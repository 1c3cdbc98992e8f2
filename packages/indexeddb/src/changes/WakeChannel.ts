/** Tells other tabs, workers and connections of a database in which tables something was logged. */
export class WakeChannel {
  private readonly name: string;
  private readonly heard: (table: string) => void;
  private channel: BroadcastChannel | undefined;

  /** @param heard is called with the table of which another one tells */
  public constructor(database: string, heard: (table: string) => void) {
    this.name = `workglow-changes:${database}`;
    this.heard = heard;
  }

  /** Listens from now on; false where there is no such channel. */
  public listen(): boolean {
    const channel = this.open();
    if (channel === undefined) return false;
    channel.onmessage = ({ data }) => this.heard(String(data));
    // In Node it is the poller that keeps a process with subscribers running.
    (channel as { unref?: () => void }).unref?.();
    return true;
  }

  public post(table: string): void {
    this.open()?.postMessage(table);
  }

  public close(): void {
    this.channel?.close();
    this.channel = undefined;
  }

  private open(): BroadcastChannel | undefined {
    if (this.channel !== undefined || typeof BroadcastChannel === "undefined") return this.channel;
    try {
      this.channel = new BroadcastChannel(this.name);
      (this.channel as { unref?: () => void }).unref?.();
    } catch {
      // A context without an origin of its own must not have one.
    }
    return this.channel;
  }
}
