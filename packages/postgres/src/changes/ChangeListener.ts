import { getLogger } from "@workglow/util";
import type { NotificationSource } from "./NotificationSource.ts";

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 10_000;

/**
 * Hears when others have written, for as long as it is wanted. A connection that is lost is made
 * again, after pauses that grow and vary; polling finds meanwhile what was not heard.
 */
export class ChangeListener {
  private readonly source: NotificationSource;
  private readonly channel: () => Promise<string>;
  private readonly heard: (payload: string) => void;
  private wanted = false;
  private busy = false;
  private stop: (() => Promise<void>) | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** @param heard is told what notifications carry; an empty text when some may have been missed */
  public constructor(
    source: NotificationSource,
    channel: () => Promise<string>,
    heard: (payload: string) => void,
  ) {
    this.source = source;
    this.channel = channel;
    this.heard = heard;
  }

  /** Begins or ends listening, in the background. */
  public want(wanted: boolean): void {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.pauseMs = FIRST_PAUSE_MS;
    void this.adjust();
  }

  private async adjust(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    const { wanted } = this;
    try {
      if (!wanted) await this.end();
      else if (this.stop === undefined) await this.begin();
    } catch (error) {
      if (wanted) this.tryLater(error);
    } finally {
      this.busy = false;
    }
    // It may be wanted otherwise by now.
    if (this.wanted !== wanted) void this.adjust();
  }

  private async begin(): Promise<void> {
    let lost = false;
    const stop = await this.source.listen(
      await this.channel(),
      (payload) => this.heard(payload),
      () => {
        lost = true;
        this.stop = undefined;
        if (this.wanted) this.tryLater(undefined);
      },
    );
    if (lost) return;
    this.stop = stop;
    this.pauseMs = FIRST_PAUSE_MS;
    if (this.wanted) this.heard("");
  }

  private async end(): Promise<void> {
    const { stop } = this;
    this.stop = undefined;
    await stop?.();
  }

  private tryLater(error: unknown): void {
    if (error !== undefined) getLogger().debug("Changes are found by polling for now", error);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.adjust(), this.pauseMs * (1 + Math.random()));
    (this.timer as { unref?: () => void }).unref?.();
    this.pauseMs = Math.min(this.pauseMs * 2, LAST_PAUSE_MS);
  }
}
