// The second process of the conformance suite: does the work that it is sent in the schema that it
// is given, and ends.
import { performCalls, type RemoteWork } from "@workglow/conformance";
import pg from "pg";
import { storagesOf } from "./postgresBackend.ts";

const [url, schema] = process.argv.slice(2) as [string, string];

process.once("message", async (work: RemoteWork) => {
  const handle = new pg.Pool({ connectionString: url, max: 4 });
  const storage = storageFor(work, { handle, schema });
  const results = await performCalls(storage, work.calls);
  await storage[Symbol.asyncDispose]();
  await handle.end();
  process.send?.(results, undefined, undefined, () => process.disconnect());
});

function storageFor(
  work: RemoteWork,
  place: { readonly handle: pg.Pool; readonly schema: string },
): AsyncDisposable {
  const make = storagesOf<typeof place>();
  if (work.kind === "kv") return make.kv(place, work.spec);
  if (work.kind === "tabular") return make.tabular(place, work.spec);
  return make.vector(place, work.spec);
}
