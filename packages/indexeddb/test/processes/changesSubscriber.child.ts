import "fake-indexeddb/auto";
import { ChangesRealm } from "../ChangesRealm.ts";

const notes = new ChangesRealm("notes").notes();
await notes.setupDatabase();
const unsubscribe = notes.subscribeToChanges(({ type }) => {
  process.send?.(type);
  if (process.argv[2] === "unsubscribe") unsubscribe();
  if (process.argv[2] === "destroy") notes.destroy();
});
await unsubscribe.ready;
await notes.put({ id: "a" });
