// Watches a table and writes to it, whatever kind of worker it runs in: over the port that it is
// sent it gives the changes, and takes rows to put.
import { ChangesRealm, type Note } from "../ChangesRealm.ts";

interface Start {
  readonly database: string;
  readonly port: MessagePort;
}

async function start({ database, port }: Start): Promise<void> {
  try {
    const notes = new ChangesRealm(database).notes({ backupPollingIntervalMs: 0 });
    await notes.setupDatabase();
    port.onmessage = ({ data }) => void notes.put(data as Note);
    await notes.subscribeToChanges((change) => port.postMessage(change)).ready;
    port.postMessage("ready");
  } catch (error) {
    port.postMessage(String(error));
  }
}

addEventListener("message", ({ data }) => void start(data as Start));
addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) port.onmessage = ({ data }) => void start(data as Start);
});
