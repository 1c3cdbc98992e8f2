// The second process of the conformance suite: does each work that it is sent, in the database that
// it is told.
import { performCalls, type RemoteWork } from "@workglow/conformance";
import { IndexedDbDatabase } from "@workglow/indexeddb";
import { storageFor } from "../test/indexedDbStorages.ts";

interface Order {
  readonly databaseName: string;
  readonly work: RemoteWork;
}

addEventListener("message", async ({ data }: MessageEvent<Order>) => {
  const database = new IndexedDbDatabase(data.databaseName);
  const storage = storageFor(data.work, { database, isFirst: false });
  const results = await performCalls(storage, data.work.calls);
  await storage[Symbol.asyncDispose]();
  database.close();
  postMessage(results);
});
