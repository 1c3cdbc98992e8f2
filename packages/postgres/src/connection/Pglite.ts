/** What this package uses of a PGlite database. */
export interface Pglite extends PgliteQueries {
  transaction<T>(fn: (tx: PgliteTransaction) => Promise<T>): Promise<T>;
  execProtocol(message: Uint8Array, options?: object): Promise<unknown>;
  listen(channel: string, callback: (payload: string) => void): Promise<() => Promise<void>>;
  readonly closed: boolean;
}

export interface PgliteTransaction extends PgliteQueries {
  exec(text: string): Promise<unknown>;
  rollback(): Promise<void>;
}

interface PgliteQueries {
  query(
    text: string,
    params?: unknown[],
    options?: PgliteQueryOptions,
  ): Promise<{ readonly rows: unknown[]; readonly affectedRows?: number }>;
}

export interface PgliteQueryOptions {
  readonly rowMode: "array";
  readonly parsers: { readonly [type: number]: (text: string) => unknown };
  // biome-ignore lint/suspicious/noExplicitAny: as PGlite has it
  readonly serializers: { readonly [type: number]: (value: any) => string };
}
