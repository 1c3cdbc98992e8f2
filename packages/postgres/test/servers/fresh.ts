import { randomBytes } from "node:crypto";
import pg from "pg";

/** Something of a server's that a test has for itself, and drops at the end. */
export interface Fresh extends AsyncDisposable {
  readonly name: string;
  drop(): Promise<void>;
}

/** An empty schema of the URL's database. */
export async function freshSchema(url: string): Promise<Fresh> {
  const name = freshName("schema");
  await runOn(url, `CREATE SCHEMA ${name}`);
  return dropped(name, () => runOn(url, `DROP SCHEMA IF EXISTS ${name} CASCADE`));
}

/**
 * An empty database beside the URL's, without any extension; on servers of ours it sorts strings by
 * code point.
 *
 * @param options what follows the name in CREATE DATABASE, such as `TEMPLATE template0 …`
 */
export async function freshDatabase(
  url: string,
  options = "TEMPLATE template0",
): Promise<Fresh & { readonly url: string }> {
  const name = freshName("database");
  await runOn(url, `CREATE DATABASE ${name} ${options}`);
  const freshUrl = new URL(url);
  freshUrl.pathname = name;
  return {
    ...dropped(name, () => runOn(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
    url: freshUrl.href,
  };
}

/**
 * A role that may log in and nothing else; its URL leads to the database of the given one. What it
 * owns or was granted there goes with it.
 */
export async function freshRole(url: string): Promise<Fresh & { readonly url: string }> {
  const name = freshName("role");
  const password = randomBytes(12).toString("hex");
  await runOn(url, `CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  const freshUrl = new URL(url);
  freshUrl.username = name;
  freshUrl.password = password;
  return {
    ...dropped(name, () => runOn(url, `DROP OWNED BY ${name} CASCADE`, `DROP ROLE ${name}`)),
    url: freshUrl.href,
  };
}

function freshName(kind: string) {
  return `test_${kind}_${randomBytes(6).toString("hex")}`;
}

function dropped(name: string, drop: () => Promise<void>): Fresh {
  return { name, drop, [Symbol.asyncDispose]: drop };
}

async function runOn(url: string, ...statements: string[]) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
