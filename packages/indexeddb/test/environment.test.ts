import "fake-indexeddb/auto";
import { IndexedDbKvStorage, requestPersistence, storageRoom } from "@workglow/indexeddb";
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("no IndexedDB is a typed error", async () => {
  vi.stubGlobal("indexedDB", undefined);
  const kv = new IndexedDbKvStorage("nowhere");
  await expect(kv.setupDatabase()).rejects.toMatchObject({
    name: "StorageUnsupportedError",
    kind: "invalid",
  });
  await kv[Symbol.asyncDispose]();
});

test("tells of room and persistence what the browser tells", async () => {
  vi.stubGlobal("navigator", {});
  expect([await requestPersistence(), await storageRoom()]).toEqual([false, undefined]);
  const storage = {
    persisted: async () => false,
    persist: async () => true,
    estimate: async () => ({ usage: 5, quota: 100 }),
  };
  vi.stubGlobal("navigator", { storage });
  expect(await requestPersistence()).toBe(true);
  expect(await storageRoom()).toEqual({ usage: 5, quota: 100, persistent: false });
});
