import { setTimeout as pause } from "node:timers/promises";
import { borrowedDatabase } from "@workglow/sqlite";
import type { SqlExecutor, SqlProgram } from "@workglow/storage/sql";
import { StorageConflictError, StorageTransactionError } from "@workglow/util";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, spiedHandle, temporaryPath } from "./drivers.ts";

const statement = (text: string, ...params: (string | number)[]) => ({ text, params });
const insert = (id: string, n = 0) => statement("INSERT INTO t (id, n) VALUES (?, ?)", id, n);
const CREATE = "CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER)";
const ids = async (executor: SqlExecutor) =>
  (await executor.execute(statement("SELECT id FROM t ORDER BY id"))).rows.map(([id]) => id);

function* insertTwo(first: string, second: string): SqlProgram<string> {
  yield insert(first);
  yield insert(second);
  return `${first}${second}`;
}

describe("group commit", () => {
  it("commits the writes of one tick in one transaction, run in their order", async () => {
    const { handle, ran } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    await executor.execute(insert("first"));
    ran.length = 0;
    await Promise.all(Array.from({ length: 32 }, (_, i) => executor.execute(insert(`k${i}`))));
    expect(ran.filter((text) => text === "BEGIN IMMEDIATE")).toHaveLength(1);
    expect(ran.filter((text) => text === "COMMIT")).toHaveLength(1);
    expect(ran[0]).toBe("BEGIN IMMEDIATE");
    expect(ran.at(-1)).toBe("COMMIT");
    expect(ran.filter((text) => text.startsWith("INSERT"))).toHaveLength(32);
  });

  it("joins calls that concurrent loops make after each other", async () => {
    const { handle, ran } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    let next = 0;
    const loop = async () => {
      while (next < 320) await executor.execute(insert(`k${next++}`));
    };
    await Promise.all(Array.from({ length: 32 }, loop));
    expect(ran.filter((text) => text === "BEGIN IMMEDIATE").length).toBeLessThanOrEqual(11);
  });

  it("runs a lone write without a transaction of its own, before the event loop turns", async () => {
    const { handle, ran } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    await executor.execute(insert("warm"));
    ran.length = 0;
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await executor.execute(insert("a"));
    expect(turned).toBe(false);
    expect(ran).toEqual([insert("a").text]);
  });

  it("uses no savepoint for programs that succeed", async () => {
    const { handle, ran } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    await Promise.all([
      executor.atomic(() => insertTwo("a", "b")),
      executor.execute(insert("c")),
      executor.atomic(() => insertTwo("d", "e")),
    ]);
    expect(ran.some((text) => text.startsWith("SAVEPOINT"))).toBe(false);
    expect(await ids(executor)).toEqual(["a", "b", "c", "d", "e"]);
  });
});

describe("statements that stack", () => {
  const stack = {
    key: [0],
    listed: () => {
      throw new Error("SQLite takes no lists");
    },
    text: (rows: number) =>
      `INSERT INTO t (id, n) VALUES ${Array.from({ length: rows }, () => "(?, ?)").join(", ")}`,
  };
  const stacked = (id: string) => ({ ...insert(id), text: stack.text(1), stack });

  it("run four as one, in order, the rest by themselves", async () => {
    const { handle, ran } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    await executor.execute(insert("first"));
    ran.length = 0;
    const calls = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map((id) =>
      executor.execute(stacked(id)),
    );
    for (const { changes } of await Promise.all(calls)) expect(changes).toBe(1);
    expect(ran.filter((text) => text.startsWith("INSERT"))).toEqual([
      stack.text(4),
      stack.text(4),
      stack.text(1),
    ]);
    expect(await ids(executor)).toEqual(["a", "b", "c", "d", "e", "f", "first", "g", "h", "i"]);
  });

  it("fail one by one, and let the others succeed", async () => {
    const { handle } = spiedHandle();
    handle.exec(CREATE);
    const { executor } = borrowedDatabase(handle);
    const calls = ["a", "b", "a", "c", "d"].map((id) => executor.execute(stacked(id)));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status === "fulfilled")).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
    expect(await ids(executor)).toEqual(["a", "b", "c", "d"]);
  });
});

describe.each(drivers)("SqliteExecutor on $driver", ({ open }) => {
  const opened = async (path?: string) => {
    const handle = openedBy(open, path);
    const { executor } = borrowedDatabase(handle);
    await executor.execute(statement(CREATE));
    return { handle, executor };
  };

  it("lets a failing statement of a group undo only itself", async () => {
    const { executor } = await opened();
    const results = await Promise.allSettled([
      executor.execute(insert("a")),
      executor.execute(insert("a")),
      executor.execute(insert("b")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(StorageConflictError);
    expect(await ids(executor)).toEqual(["a", "b"]);
  });

  it("lets a program that fails halfway undo only itself", async () => {
    const { executor } = await opened();
    const results = await Promise.allSettled([
      executor.execute(insert("a")),
      executor.atomic(() => insertTwo("x", "a")),
      executor.atomic(() => insertTwo("b", "c")),
      executor.execute(insert("d")),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await ids(executor)).toEqual(["a", "b", "c", "d"]);
  });

  it("undoes a lone program that fails", async () => {
    const { executor } = await opened();
    await expect(executor.atomic(() => insertTwo("a", "a"))).rejects.toThrow(StorageConflictError);
    expect(await ids(executor)).toEqual([]);
  });

  it("hands a program the typed error of a statement, which it may survive", async () => {
    const { executor } = await opened();
    await executor.execute(insert("a", 1));
    const outcome = await executor.atomic(function* (): SqlProgram<string> {
      try {
        yield insert("a", 2);
      } catch (error) {
        if (!(error instanceof StorageConflictError)) throw error;
        yield statement("UPDATE t SET n = 2 WHERE id = 'a'");
        return "updated";
      }
      return "inserted";
    });
    expect(outcome).toBe("updated");
  });

  it("lets a read see the writes made before it, and run at once where nothing is pending", async () => {
    const { executor } = await opened();
    const write = executor.execute(insert("a"));
    const read = ids(executor);
    expect(await read).toEqual(["a"]);
    await write;
    let microtasks = 0;
    const counting = (async () => {
      for (; microtasks < 50; microtasks++) await null;
    })();
    await ids(executor);
    expect(microtasks).toBeLessThan(10);
    await counting;
  });

  it("gives each caller of a group an error of his own", async () => {
    const { executor } = await opened();
    await executor.execute(insert("a"));
    const [one, two] = (await Promise.allSettled([
      executor.execute(insert("a")),
      executor.execute(insert("a")),
    ])) as PromiseRejectedResult[];
    expect(one?.reason).not.toBe(two?.reason);
  });

  it("sends a call with a signal alone, and never begins an aborted one", async () => {
    const { executor } = await opened();
    const controller = new AbortController();
    const kept = executor.execute(insert("kept"));
    const aborted = executor.execute(insert("aborted"), { signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(aborted).rejects.toThrow("no longer wanted");
    await kept;
    expect(await ids(executor)).toEqual(["kept"]);
  });

  describe("transactions", () => {
    it("commits when the function resolves, and rolls back when it throws", async () => {
      const { executor } = await opened();
      expect(
        await executor.transaction(async (tx) => {
          await tx.execute(insert("a"));
          await pause(5);
          await tx.execute(insert("b"));
          return 7;
        }),
      ).toBe(7);
      const failure = new Error("stop");
      const failed = executor.transaction(async (tx) => {
        await tx.execute(insert("c"));
        throw failure;
      });
      await expect(failed).rejects.toBe(failure);
      expect(await ids(executor)).toEqual(["a", "b"]);
    });

    it("keeps calls from elsewhere waiting, in their order", async () => {
      const { executor } = await opened();
      const order: string[] = [];
      const transaction = executor.transaction(async (tx) => {
        await tx.execute(insert("a"));
        await pause(20);
        order.push("transaction");
      });
      await pause(5);
      const read = executor.execute(statement("SELECT id FROM t")).then(({ rows }) => {
        order.push("read");
        return rows;
      });
      const write = executor.execute(insert("b")).then(() => order.push("write"));
      expect(await read).toEqual([["a"]]);
      await Promise.all([transaction, write]);
      expect(order).toEqual(["transaction", "read", "write"]);
    });

    it("nests as savepoints", async () => {
      const { executor } = await opened();
      await executor.transaction(async (tx) => {
        await tx.execute(insert("a"));
        await tx.transaction(async (inner) => inner.execute(insert("b")));
        await tx
          .transaction(async (inner) => {
            await inner.execute(insert("c"));
            await inner.transaction(async (innermost) => innermost.execute(insert("d")));
            throw new Error("only this level");
          })
          .catch(() => undefined);
        await tx.execute(insert("e"));
      });
      expect(await ids(executor)).toEqual(["a", "b", "e"]);
    });

    it("waits for nested transactions that nobody awaited", async () => {
      const { executor } = await opened();
      await executor.transaction(async (tx) => {
        void tx.transaction(async (inner) => {
          await inner.execute(insert("a"));
          await pause(5);
        });
        void tx.execute(insert("b"));
      });
      expect(await ids(executor)).toEqual(["a", "b"]);
    });

    it("refuses calls past the handle from inside, which would wait for themselves", async () => {
      const { executor } = await opened();
      await executor.transaction(async (tx) => {
        await expect(executor.execute(insert("a"))).rejects.toThrow(StorageTransactionError);
        await expect(executor.transaction(async () => undefined)).rejects.toThrow(
          StorageTransactionError,
        );
        await tx.transaction(async () => {
          await expect(tx.execute(insert("b"))).rejects.toThrow(StorageTransactionError);
        });
      });
      expect(await ids(executor)).toEqual([]);
    });

    it("refuses a handle whose transaction has ended", async () => {
      const { executor } = await opened();
      let kept: SqlExecutor | undefined;
      await executor.transaction(async (tx) => {
        kept = tx;
      });
      await expect(kept?.execute(insert("a"))).rejects.toThrow(StorageTransactionError);
      expect(await ids(executor)).toEqual([]);
    });

    it("frees the connection when an abandoned transaction is aborted", async () => {
      const { executor } = await opened();
      const stuck = executor.transaction(
        async (tx) => {
          await tx.execute(insert("a"));
          await new Promise(() => undefined);
        },
        { timeoutMs: 20 },
      );
      await expect(stuck).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(await ids(executor)).toEqual([]);
    });

    it("frees it too when a nested transaction is what hangs", async () => {
      const { executor } = await opened();
      const stuck = executor.transaction(
        async (tx) => tx.transaction(async () => new Promise(() => undefined)),
        { timeoutMs: 20 },
      );
      await expect(stuck).rejects.toMatchObject({ code: "TIMEOUT" });
      await executor.execute(insert("a"));
      expect(await ids(executor)).toEqual(["a"]);
    });

    it("runs callbacks after the outermost commit, and drops those of a level that rolled back", async () => {
      const { executor } = await opened();
      const heard: string[] = [];
      await executor.transaction(async (_, tx) => {
        tx.onCommit(() => heard.push("outer"));
        const child = executor.within(tx);
        await child.transaction(async (_inner, innerTx) =>
          innerTx.onCommit(() => heard.push("inner")),
        );
        await child
          .transaction(async (_inner, innerTx) => {
            innerTx.onCommit(() => heard.push("never"));
            throw new Error("back");
          })
          .catch(() => undefined);
        expect(heard).toEqual([]);
      });
      expect(heard).toEqual(["outer", "inner"]);
    });

    it("does not go on after the database itself has rolled back", async () => {
      const { executor } = await opened();
      await executor.execute(
        statement(
          "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.id = 'no' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        ),
      );
      const lost = executor.transaction(async (tx) => {
        await tx.execute(insert("a"));
        await tx.execute(insert("no")).catch(() => undefined);
        await tx.execute(insert("b"));
      });
      await expect(lost).rejects.toMatchObject({ code: "CONSTRAINT" });
      expect(await ids(executor)).toEqual([]);
      await executor.execute(insert("c"));
      expect(await ids(executor)).toEqual(["c"]);
    });
  });

  it("stores what shares a group with a statement that rolls everything back", async () => {
    const { executor } = await opened();
    await executor.execute(
      statement(
        "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.id = 'no' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
      ),
    );
    const results = await Promise.allSettled([
      executor.execute(insert("a")),
      executor.execute(insert("no")),
      executor.atomic(() => insertTwo("b", "c")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await ids(executor)).toEqual(["a", "b", "c"]);
  });

  it("refuses to write into a transaction that the handle's owner has opened", async () => {
    const { handle, executor } = await opened();
    handle.exec("BEGIN");
    await expect(executor.execute(insert("a"))).rejects.toThrow(StorageTransactionError);
    await expect(executor.atomic(() => insertTwo("b", "c"))).rejects.toThrow(
      StorageTransactionError,
    );
    handle.exec("COMMIT");
    await executor.execute(insert("d"));
    expect(await ids(executor)).toEqual(["d"]);
  });

  it("gives reads of programs one snapshot", async () => {
    const path = temporaryPath();
    const { executor } = await opened(path);
    const other = openedBy(open, path);
    const counts = await executor.atomic(
      function* (): SqlProgram<readonly unknown[]> {
        const before = yield statement("SELECT count(*) FROM t");
        other.exec("INSERT INTO t (id) VALUES ('late')");
        const after = yield statement("SELECT count(*) FROM t");
        return [before.rows[0]?.[0], after.rows[0]?.[0]];
      },
      { mode: "read" },
    );
    expect(counts).toEqual([0, 0]);
    expect(await ids(executor)).toEqual(["late"]);
  });

  it("shares the order of calls among all users of one handle", () => {
    const handle = openedBy(open);
    expect(borrowedDatabase(handle)).toBe(borrowedDatabase(handle));
  });
});
