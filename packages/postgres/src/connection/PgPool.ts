/** What this package uses of a `pg` Pool. */
export interface PgPool {
  connect(): Promise<PgPoolClient>;
  connect(callback: (error: Error | undefined, client: PgPoolClient | undefined) => void): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options?: { readonly max?: number };
  /** Whether the pool has been told to end, which waits for all connections. */
  readonly ending?: boolean;
}

/** What this package uses of a `pg` Client. */
export interface PgClient {
  query(config: PgQueryConfig, callback: (error: Error, result: PgResult) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notification", listener: (message: PgNotification) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as emitters of Node have it
  removeListener(event: string, listener: (...args: any[]) => void): unknown;
}

export interface PgNotification {
  readonly channel: string;
  readonly payload?: string;
}

export interface PgPoolClient extends PgClient {
  release(destroy?: boolean | Error): void;
}

export interface PgQueryConfig {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values: unknown[];
  readonly rowMode: "array";
  readonly types: {
    getTypeParser(oid: number, format?: string): (value: string) => unknown;
  };
}

export interface PgResult {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: unknown[];
}
