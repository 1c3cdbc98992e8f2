import { type SqlExecutor, SqlLogChangeFeed } from "@workglow/storage/sql";
import { sha256Hex, utf8ByteLength } from "@workglow/util";
import { PgliteSource } from "../connection/PgliteSource.ts";
import type { PoolSource } from "../connection/PoolSource.ts";
import type { PostgresExecutor } from "../PostgresExecutor.ts";
import { ChangeListener } from "./ChangeListener.ts";
import { CommitNotifier } from "./CommitNotifier.ts";
import { PgliteNotifications } from "./PgliteNotifications.ts";
import { PoolNotifications } from "./PoolNotifications.ts";
import { PostgresChangeLog, type PostgresChangeLogOptions } from "./PostgresChangeLog.ts";

/** What the feed needs of a database. */
export interface ChangeFeedDatabase {
  readonly source: PoolSource | PgliteSource;
  readonly executor: PostgresExecutor;
  readonly options: { readonly schema: string | undefined; readonly listen: boolean };
}

/**
 * The change feed of one database, to be shared by all of its storages. While there are
 * subscriptions it holds one connection that listens; a subscription keeps the process running
 * until it is ended.
 *
 * Writers need no rights beyond those on the table: its triggers log as their owner. Subscribers
 * need SELECT, INSERT and DELETE on the table's log (`_workglow_changes_…`), SELECT and UPDATE on
 * its gate, a sequence (`_workglow_gate_…`), and SELECT, INSERT, UPDATE and DELETE on
 * `_workglow_subscribers`. In the log the tenant's columns are `"key:…"`, null in the rows of kind
 * 0 and 4, which say that something is not known and hold nothing: what a policy for row-level
 * security may rest on.
 */
export function postgresChangeFeed(
  { source, executor, options }: ChangeFeedDatabase,
  logOptions?: PostgresChangeLogOptions,
): SqlLogChangeFeed {
  const channel = channelOf(executor, options.schema);
  let listener: ChangeListener | undefined;
  const log = new PostgresChangeLog(
    executor,
    { progress: () => feed.wake(), tails: (open) => listener?.want(open > 0) },
    logOptions,
  );
  const feed = new SqlLogChangeFeed(log);
  const look = (): void => {
    log.touch();
    feed.wake();
  };
  if (options.listen) {
    const notifications =
      source instanceof PgliteSource
        ? new PgliteNotifications(source)
        : new PoolNotifications(source);
    listener = new ChangeListener(notifications, channel, (instance) => {
      // Of its own commits this process knows.
      if (instance !== log.instance) look();
    });
  }
  const notifier = new CommitNotifier(executor, channel, log.instance);
  executor.watchCommits(() => {
    look();
    notifier.committed();
  });
  executor.watchJoined(async (run) => {
    const statement = await notifier.inTransaction(log.subscribed);
    if (statement !== undefined) await run(statement);
  });
  return feed;
}

const MAX_BYTES = 63;

/** One for each schema. Names that are too long for a channel are told apart by a hash. */
function channelOf(executor: SqlExecutor, schema: string | undefined): () => Promise<string> {
  let known = schema === undefined ? undefined : channelName(schema);
  return async () => {
    if (known !== undefined) return known;
    const { rows } = await executor.execute({ text: "SELECT current_schema()::text", params: [] });
    known = channelName(String(rows[0]?.[0] ?? ""));
    return known;
  };
}

function channelName(schema: string): string {
  const name = `workglow_changes:${schema}`;
  return utf8ByteLength(name) <= MAX_BYTES
    ? name
    : `workglow_changes:${sha256Hex(schema).slice(0, 32)}`;
}
