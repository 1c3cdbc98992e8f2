// Owns one server on behalf of the process that forked it, and takes the server and its data away
// when that process ends, however it ends: the channel between them closes even after a SIGKILL.
import { Cluster } from "./Cluster.ts";
import { removeAbandonedRuns } from "./removeAbandonedRuns.ts";
import type { Answer, Order } from "./supervision.ts";

let cluster: Cluster | undefined;
let sequence = Promise.resolve();

async function obey(order: Order): Promise<void> {
  if (order.order === "create") {
    // What cannot be removed, or is being removed by another, does not stand in the way of a new run.
    await removeAbandonedRuns(order.program).catch(() => {});
    cluster = new Cluster(order.program);
    await cluster.create();
  } else if (cluster === undefined) {
    throw new Error("There is no data folder yet.");
  } else if (order.order === "start") {
    await cluster.start(order.settings);
  } else if (order.order === "stop") {
    await cluster.stop(order.mode);
  } else {
    await cluster.remove();
  }
}

async function answer(order: Order) {
  try {
    await obey(order);
    reply({ ok: true, port: cluster?.port ?? 0, logFile: cluster?.logFile ?? "" });
  } catch (error) {
    reply({ ok: false, message: error instanceof Error ? error.message : String(error) });
  }
}

function reply(message: Answer) {
  if (process.connected) process.send?.(message, () => {});
}

async function leave() {
  // A start that is under way is waited for, as it would otherwise survive.
  await sequence;
  await cluster?.remove();
  process.exit(0);
}

process.on("message", (order: Order) => {
  sequence = sequence.then(() => answer(order));
});
process.on("disconnect", leave);
process.on("SIGTERM", leave);
process.on("SIGINT", leave);
process.on("SIGHUP", leave);
