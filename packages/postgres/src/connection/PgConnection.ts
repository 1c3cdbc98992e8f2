import type { SqlParam, SqlResult, SqlRow } from "@workglow/storage/sql";
import { binaryArray } from "./binaryArray.ts";
import { cancelOnServer, closeConnection } from "./cancelOnServer.ts";
import { answerCame, awaitAnswer } from "./lostAnswers.ts";
import type { PgClient, PgQueryConfig, PgResult } from "./PgPool.ts";
import type { PostgresQuery } from "./PostgresSource.ts";
import { BYTES_TYPE, decoderOf, paramText } from "./pgValues.ts";

/** How long a cancelled statement may go on before its connection is taken for lost, in ms. */
const ANSWER_LIMIT_MS = 2_000;

const types = { getTypeParser: decoderOf };

/**
 * A statement as the driver takes it. The driver copies what a config has itself, property by
 * property and at some cost, and keeps its prototype: so it has one property.
 */
class ArrayQuery implements PgQueryConfig {
  private readonly query: Pick<PostgresQuery, "name" | "text"> & { readonly values: unknown[] };

  public constructor({ name, text, params }: PostgresQuery) {
    const values = new Array<unknown>(params.length);
    for (let at = 0; at < params.length; at++) values[at] = driverValue(params[at] as SqlParam);
    this.query = { name, text, values };
  }

  public get name(): string | undefined {
    return this.query.name;
  }

  public get text(): string {
    return this.query.text;
  }

  public get values(): unknown[] {
    return this.query.values;
  }

  public get rowMode(): "array" {
    return "array";
  }

  public get types(): PgQueryConfig["types"] {
    return types;
  }
}

/** The driver sends bytes as they are, and everything else as text. */
function driverValue(param: SqlParam): unknown {
  if (param instanceof Uint8Array) return param;
  return isBytesList(param) ? binaryArray(param, BYTES_TYPE) : paramText(param);
}

/** Lists are of one type each. */
function isBytesList(param: SqlParam): param is readonly (Uint8Array | null)[] {
  return Array.isArray(param) && param.find((value) => value !== null) instanceof Uint8Array;
}

/** A connection of `pg`'s, on which one statement runs at a time. */
export class PgConnection {
  public readonly client: PgClient;
  /** Whether the connection is of no more use. */
  public broken = false;
  private last: Promise<unknown> | undefined;

  public constructor(client: PgClient) {
    this.client = client;
  }

  /** Runs a statement when the earlier ones have ended. */
  public run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult> {
    return this.send(query, signal).then(resultOf);
  }

  /** Runs commands without parameters; gives what the server says of the last one. */
  public async command(text: string): Promise<string> {
    const results: PgResult | readonly PgResult[] = await this.send({
      text,
      params: [],
      name: undefined,
    });
    return (Array.isArray(results) ? results.at(-1) : results).command;
  }

  private send(query: PostgresQuery, signal?: AbortSignal): Promise<PgResult> {
    const { last } = this;
    const begin = (): Promise<PgResult> => this.sendNow(query, signal);
    const sent = last === undefined ? begin() : last.then(begin, begin);
    this.last = sent;
    return sent;
  }

  private sendNow(query: PostgresQuery, signal: AbortSignal | undefined): Promise<PgResult> {
    signal?.throwIfAborted();
    const { client } = this;
    let cancelled: Promise<void> | undefined;
    let answered = false;
    let abandon: ReturnType<typeof setTimeout> | undefined;
    const onAbort = (): void => {
      cancelled = cancelOnServer(client);
      void cancelled.then(() => {
        if (!answered) abandon = setTimeout(() => closeConnection(client), ANSWER_LIMIT_MS);
      });
    };
    return new Promise<PgResult>((resolve, reject) => {
      signal?.addEventListener("abort", onAbort, { once: true });
      ask(client, query, (error, result) => {
        answered = true;
        clearTimeout(abandon);
        signal?.removeEventListener("abort", onAbort);
        if (error) this.broken ||= endsConnection(error);
        const settle = (): void => (error ? reject(error) : resolve(result));
        // A request to cancel must not meet the connection's next statement.
        if (cancelled === undefined) settle();
        else void cancelled.then(settle);
      });
    });
  }
}

/**
 * Runs one statement on a client that nobody else uses, and tells whether the connection is of no
 * more use: {@link PgConnection.run} at less cost.
 */
export function runOnce(
  client: PgClient,
  query: PostgresQuery,
  done: (error: Error | null, result: SqlResult | undefined, broken: boolean) => void,
): void {
  ask(client, query, (error, result) => {
    if (error) done(error, undefined, endsConnection(error));
    else done(null, resultOf(result), false);
  });
}

function ask(
  client: PgClient,
  query: PostgresQuery,
  done: (error: Error, result: PgResult) => void,
): void {
  const config = new ArrayQuery(query);
  awaitAnswer(client, sizeOf(config.values));
  client.query(config, (error, result) => {
    answerCame(client);
    done(error, result);
  });
}

const resultOf = ({ rows, rowCount }: PgResult): SqlResult => ({
  rows: rows as SqlRow[],
  changes: rowCount ?? 0,
});

/** About how many bytes the values take on their way to the server. */
function sizeOf(values: readonly unknown[]): number {
  let size = 0;
  for (const value of values as readonly (string | Uint8Array | null)[]) size += value?.length ?? 0;
  return size;
}

/** Errors of the server leave the connection as it is, unless they end the session. */
function endsConnection(error: Error): boolean {
  const { severity } = error as { readonly severity?: string };
  return severity !== "ERROR";
}
