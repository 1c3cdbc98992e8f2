// The second process of the conformance suite: does the work that it is sent on the file that it is
// given, and ends.
import { performCalls, type RemoteWork } from "@workglow/conformance";
import { openFile, type SqliteDriverName } from "./openFile.ts";
import { storagesOf } from "./sqliteBackend.ts";

const [driver, path] = process.argv.slice(2) as [SqliteDriverName, string];

process.once("message", async (work: RemoteWork) => {
  const handle = openFile(driver, path);
  const storage = storageFor(work, handle);
  const results = await performCalls(storage, work.calls);
  await storage[Symbol.asyncDispose]();
  handle.close();
  process.send?.(results, undefined, undefined, () => process.disconnect());
});

function storageFor(work: RemoteWork, handle: ReturnType<typeof openFile>): AsyncDisposable {
  const make = storagesOf(() => handle);
  if (work.kind === "kv") return make.kv(handle, work.spec);
  if (work.kind === "tabular") return make.tabular(handle, work.spec);
  return make.vector(handle, work.spec);
}
