import { TransactionScope } from "@workglow/storage";
import { describe, expect, test } from "vitest";
import { ClaimLedger } from "../src/storage/ClaimLedger.ts";

describe("the ledger of claims", () => {
  test("knows the tokens of a job's claims until they end", () => {
    const ledger = new ClaimLedger();
    ledger.add(1, "a", undefined);
    expect(ledger.of(1)).toEqual(["a"]);
    expect(ledger.of("1")).toEqual(["a"]);
    expect(ledger.of(2)).toEqual([]);
    ledger.add(1, "b", undefined);
    expect(ledger.of(1)).toEqual(["a", "b"]);
    ledger.remove(1, "a");
    ledger.remove(1, "unknown");
    expect(ledger.of(1)).toEqual(["b"]);
    ledger.remove(1, "b");
    expect(ledger.isEmpty).toBe(true);
  });

  test("knows a token while a call is under way or any of its jobs is held", () => {
    const ledger = new ClaimLedger();
    ledger.begin("t");
    ledger.add(1, "t", undefined);
    ledger.add(2, "t", undefined);
    ledger.end("t");
    ledger.remove(1, "t");
    expect(ledger.knows("t")).toBe(true);
    ledger.remove(2, "t");
    expect(ledger.knows("t")).toBe(false);
  });

  test("counts a claim that was undone only where there is no other", () => {
    const ledger = new ClaimLedger();
    const undone = new TransactionScope({});
    ledger.add(1, "undone", undone);
    expect(ledger.of(1)).toEqual(["undone"]);
    undone.rolledBack();
    expect(ledger.of(1)).toEqual(["undone"]);
    ledger.add(1, "made", undefined);
    expect(ledger.of(1)).toEqual(["made"]);
  });

  test("forgets a claim that was undone once the job is claimed again", () => {
    const ledger = new ClaimLedger();
    for (let i = 0; i < 2000; i++) {
      const undone = new TransactionScope({});
      ledger.begin(`undone ${i}`);
      ledger.add(1, `undone ${i}`, undone);
      ledger.end(`undone ${i}`);
      undone.rolledBack();
    }
    expect(ledger.knows("undone 1998")).toBe(false);
    ledger.add(1, "made", undefined);
    expect(ledger.knows("undone 1999")).toBe(false);
    ledger.remove(1, "made");
    expect(ledger.isEmpty).toBe(true);
  });

  test("forgets claims that were undone at the second look", () => {
    const ledger = new ClaimLedger();
    const [undone, open] = [new TransactionScope({}), new TransactionScope({})];
    const released = new TransactionScope({}, open);
    ledger.add(1, "undone", undone);
    ledger.add(2, "open", open);
    ledger.add(3, "released", released);
    ledger.add(4, "made", undefined);
    undone.rolledBack();
    released.committed();
    for (let i = 0; i < 3; i++) {
      // At the first look the commit may still be on its way.
      expect(ledger.knows("undone")).toBe(i < 2);
      ledger.forgetUndone();
    }
    expect([1, 2, 3, 4].map((id) => ledger.of(id))).toEqual([[], ["open"], ["released"], ["made"]]);
    open.rolledBack();
    ledger.forgetUndone();
    ledger.forgetUndone();
    expect([2, 3, 4].map((id) => ledger.of(id))).toEqual([[], [], ["made"]]);
  });

  test("knows a claim again whose commit took long", () => {
    const ledger = new ClaimLedger();
    const scope = new TransactionScope({});
    ledger.add(1, "late", scope);
    scope.end();
    ledger.forgetUndone();
    ledger.forgetUndone();
    expect(ledger.knows("late")).toBe(false);
    scope.committed();
    expect(ledger.of(1)).toEqual(["late"]);
    ledger.forgetUndone();
    ledger.forgetUndone();
    expect(ledger.knows("late")).toBe(true);
    ledger.remove(1, "late");
    expect(ledger.isEmpty).toBe(true);
  });

  test("keeps a claim whose transaction was committed", () => {
    const ledger = new ClaimLedger();
    const scope = new TransactionScope({});
    ledger.add(1, "a", scope);
    scope.committed();
    ledger.add(1, "b", undefined);
    expect(ledger.of(1)).toEqual(["a", "b"]);
  });

  test("keeps a claim of a joined transaction, of whose end nobody tells", () => {
    const ledger = new ClaimLedger();
    const [rolledBack, committed] = [
      new TransactionScope({}, undefined, true),
      new TransactionScope({}, new TransactionScope({}, undefined, true)),
    ];
    ledger.add(1, "a", committed);
    ledger.add(2, "b", rolledBack);
    for (const scope of [rolledBack, committed]) scope.rolledBack();
    for (let i = 0; i < 3; i++) ledger.forgetUndone();
    expect([1, 2].map((id) => ledger.of(id))).toEqual([["a"], ["b"]]);
    ledger.forgetLost((id) => id === "1", 0);
    // Job 1 was seen to be held; whoever gets job 2 again shows that its first claim was undone.
    ledger.add(1, "c", undefined);
    ledger.add(2, "d", undefined);
    expect([1, 2].map((id) => ledger.of(id))).toEqual([["a", "c"], ["d"]]);
  });

  test("keeps a claim whose transaction takes longer than a lease", () => {
    const ledger = new ClaimLedger();
    const scope = new TransactionScope({});
    ledger.add(1, "a", scope);
    ledger.forgetLost(() => false, Number.POSITIVE_INFINITY);
    expect(ledger.of(1)).toEqual(["a"]);
    const before = Date.now();
    scope.committed();
    ledger.forgetLost(() => false, before);
    expect(ledger.of(1)).toEqual(["a"]);
  });

  test("forgets old claims whose jobs went elsewhere, and no others", () => {
    const ledger = new ClaimLedger();
    ledger.add(1, "a", undefined);
    ledger.add(2, "b", undefined);
    ledger.forgetLost((id) => id === "1", 0);
    expect(ledger.of(2)).toEqual(["b"]);
    ledger.forgetLost((id) => id === "1", Number.POSITIVE_INFINITY);
    expect(ledger.of(1)).toEqual(["a"]);
    expect(ledger.of(2)).toEqual([]);
  });
});
