import pg from "pg";
import { describe, expect, test } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import { freshDatabase, freshRole, freshSchema } from "./fresh.ts";

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Those that the run has started; a given one is as its owner wants it. */
const ours = servers().all.filter(({ name }) => name !== "given");

describe.each(ours)("the started server $name", ({ url }) => {
  test("accepts connections on the loopback interface only", async () => {
    expect(new URL(url).hostname).toBe("127.0.0.1");
    expect(await query(url, "SHOW listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
  });

  test("acknowledges a commit only when it is written", async () => {
    expect(await query(url, "SHOW synchronous_commit")).toEqual([{ synchronous_commit: "on" }]);
  });

  test("sorts strings of the test database by the rules of a language", async () => {
    const rows = await query<{ word: string }>(
      url,
      "SELECT word FROM unnest(ARRAY['b', 'B', 'a', 'A']) AS word ORDER BY word",
    );
    expect(rows.map(({ word }) => word)).toEqual(["a", "A", "b", "B"]);
  });
});

describe.each(servers().all)("the server $name", ({ url, hasVector }) => {
  test("has pgvector in the test database if it says so", async () => {
    const installed = await query(url, "SELECT FROM pg_extension WHERE extname = 'vector'");
    expect(installed).toHaveLength(hasVector ? 1 : 0);
  });

  test("gives a test a schema of its own, and takes it back with its tables", async () => {
    const schemas = (name: string) =>
      query(url, `SELECT FROM pg_namespace WHERE nspname = '${name}'`);
    const schema = await freshSchema(url);
    await query(url, `CREATE TABLE ${schema.name}.notes (id int)`);
    expect(await schemas(schema.name)).toHaveLength(1);
    await schema.drop();
    expect(await schemas(schema.name)).toHaveLength(0);
  });

  test("gives a test a database of its own, and takes it back while it is in use", async () => {
    const database = await freshDatabase(url);
    const client = new pg.Client({ connectionString: database.url });
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query("SELECT current_database() AS name");
    expect(rows).toEqual([{ name: database.name }]);
    await database.drop();
    const left = await query(url, `SELECT FROM pg_database WHERE datname = '${database.name}'`);
    expect(left).toHaveLength(0);
  });

  test("gives a test a role without privileges, and takes it back with what it owns", async () => {
    await using schema = await freshSchema(url);
    const role = await freshRole(url);
    await expect(query(role.url, `CREATE TABLE ${schema.name}.notes (id int)`)).rejects.toThrow(
      "permission denied",
    );
    await query(url, `GRANT CREATE, USAGE ON SCHEMA ${schema.name} TO ${role.name}`);
    await query(role.url, `CREATE TABLE ${schema.name}.notes (id int)`);
    await role.drop();
    const left = await query(url, `SELECT FROM pg_roles WHERE rolname = '${role.name}'`);
    expect(left).toHaveLength(0);
  });
});
