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

  test("keeps a claim whose transaction was committed", () => {
    const ledger = new ClaimLedger();
    const scope = new TransactionScope({});
    ledger.add(1, "a", scope);
    scope.committed();
    ledger.add(1, "b", undefined);
    expect(ledger.of(1)).toEqual(["a", "b"]);
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
