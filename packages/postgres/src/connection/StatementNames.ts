/** Names are for texts that come again: the first runs of a text are not prepared. */
const RUNS_BEFORE = 1;
/** The server keeps every prepared statement of a connection; texts beyond these go without. */
const MOST_NAMES = 512;
const MOST_SEEN = 4096;

/** Two storages may share connections, and so may two copies of this module. */
const space = Math.random().toString(36).slice(2, 8);
let given = 0;

/** Gives the texts that recur a name each, under which every connection prepares them once. */
export class StatementNames {
  private readonly names = new Map<string, string>();
  private seen = new Map<string, number>();
  private on: boolean;

  public constructor(on: boolean) {
    this.on = on;
  }

  public nameOf(text: string): string | undefined {
    if (!this.on) return undefined;
    const name = this.names.get(text);
    if (name !== undefined || this.names.size >= MOST_NAMES) return name;
    const runs = this.seen.get(text) ?? 0;
    if (runs < RUNS_BEFORE) {
      if (this.seen.size >= MOST_SEEN) this.seen = new Map();
      this.seen.set(text, runs + 1);
      return undefined;
    }
    this.seen.delete(text);
    const fresh = `workglow_${space}_${++given}`;
    this.names.set(text, fresh);
    return fresh;
  }

  /** The plan no longer fits the table: the text is prepared anew, under another name. */
  public forget(text: string): void {
    this.names.delete(text);
  }

  /** Names mean nothing here: each statement may reach another connection of a pooler's. */
  public turnOff(): void {
    this.on = false;
  }
}
