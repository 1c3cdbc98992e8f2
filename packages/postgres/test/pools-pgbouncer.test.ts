import {
  type Backend,
  kvSuite,
  prefixSuite,
  queueSuite,
  rateLimiterSuite,
  subscriptionSuite,
  tabularSuite,
  transactionSuite,
} from "@workglow/conformance";
import { describeSuite } from "@workglow/conformance/vitest";
import { PostgresKvStorage, withTransaction } from "@workglow/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type PostgresPlace, postgresBackend } from "./postgresBackend.ts";
import { withQueues } from "./postgresQueueBackend.ts";
import { freshSchema } from "./servers/fresh.ts";
import { PgBouncer } from "./servers/PgBouncer.ts";
import { spiedPool, testPool } from "./spiedPool.ts";

const { main, embedded } = servers();
const behindPooler = { preparedStatements: false, listen: false } as const;

test("preparedStatements: false sends no statement under a name", async () => {
  await using app = await freshSchema(embedded.url);
  const { pool, sent } = spiedPool(embedded.url);
  const options = { schema: app.name, ...behindPooler };
  const settings = new PostgresKvStorage(pool, "settings", undefined, undefined, options);
  await settings.setupDatabase();
  for (let i = 0; i < 5; i++) {
    await settings.put("a", i);
    await Promise.all([settings.get("a"), settings.get("b")]);
    await settings.putBulk([{ key: "b", value: i }]);
    await withTransaction(pool, (tx) => settings.with(tx).put("c", i), options);
  }
  expect(sent.length).toBeGreaterThan(20);
  expect(sent.filter(({ name }) => name !== undefined)).toEqual([]);
});

/** The storages of the server's backend, told that they are behind a pooler. */
function pooled(bouncer: () => PgBouncer): Backend<PostgresPlace> {
  if (main === undefined) throw new Error("no server to be behind of");
  const { inOtherProcess: _, ...direct } = withQueues(postgresBackend(main));
  const through = { ...main, url: "" };
  const told = <Spec extends { readonly options?: object }>(spec: Spec): Spec => ({
    ...spec,
    options: { ...spec.options, ...behindPooler },
  });
  const backend = (): Backend<PostgresPlace> =>
    withQueues(postgresBackend({ ...through, url: bouncer().url }));
  return {
    ...direct,
    name: "pgBouncer in transaction mode",
    open: () => backend().open(),
    kv: (place, spec) => required(direct.kv)(place, told(spec)),
    tabular: (place, spec) => required(direct.tabular)(place, told(spec)),
    queue: (place, spec) => required(direct.queue)(place, told(spec)),
    rateLimiter: (place, spec) => required(direct.rateLimiter)(place, told(spec)),
    withTransaction: ({ handle, schema }, fn) =>
      withTransaction(handle, fn, { schema, ...behindPooler }),
    reopen: (place) => required(backend().reopen)(place),
    connect: (place) => required(backend().connect)(place),
  };
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("the backend lacks it");
  return part;
}

// Where Debian's PostgreSQL runs, its pgBouncer does.
if (main?.name === "debian") {
  let bouncer: PgBouncer;
  beforeAll(async () => {
    bouncer = await PgBouncer.start(main.url);
  }, 60_000);
  afterAll(() => bouncer?.[Symbol.asyncDispose]());

  const suites = [
    kvSuite,
    tabularSuite,
    prefixSuite,
    transactionSuite,
    subscriptionSuite,
    queueSuite,
    rateLimiterSuite,
  ];
  const backend = pooled(() => bouncer);
  for (const suite of suites) describeSuite(suite, backend);

  describe("storages that are not told that they are behind pgBouncer", () => {
    test("do without prepared statements as soon as it has lost one", async () => {
      await using app = await freshSchema(main.url);
      const pool = testPool(bouncer.url, { max: 8 });
      const settings = new PostgresKvStorage(pool, "settings", undefined, undefined, {
        schema: app.name,
        listen: false,
      });
      await settings.setupDatabase();
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          Array.from({ length: 8 }, async (_, i) => {
            await settings.put(`k${i}`, round);
            await settings.getMany([`k${i}`, "none"]);
            await withTransaction(pool, (tx) => settings.with(tx).get(`k${i}`), {
              schema: app.name,
              listen: false,
            });
          }),
        );
      }
      expect(await settings.get("k3")).toBe(9);
      expect(await settings.size()).toBe(8);
    });

    test("use them where it keeps track of them", async () => {
      await using tracking = await PgBouncer.start(main.url, { max_prepared_statements: 200 });
      await using app = await freshSchema(main.url);
      const { pool, sent } = spiedPool(tracking.url, { max: 4 });
      const settings = new PostgresKvStorage(pool, "settings", undefined, undefined, {
        schema: app.name,
        listen: false,
      });
      await settings.setupDatabase();
      for (let round = 0; round < 20; round++) {
        await Promise.all([settings.put(`k${round}`, round), settings.size(), settings.get("k1")]);
      }
      expect(await settings.size()).toBe(20);
      expect(sent.slice(-10).every(({ name }) => name !== undefined)).toBe(true);
    });
  });
}
