// Sets tables up in a worker.
import { setUpWithOthers } from "./upgrades.page.ts";

interface Asked {
  readonly name: string;
  readonly own: string;
  readonly port: MessagePort;
}

addEventListener("message", ({ data }) => {
  const { name, own, port } = data as Asked;
  setUpWithOthers(name, own).then(
    () => port.postMessage("done"),
    (error: unknown) => port.postMessage(String(error)),
  );
});
