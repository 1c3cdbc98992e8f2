import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./changesSubscriber.child.ts", import.meta.url));

/** Whether a process that subscribes, and then does this, ends by itself. */
async function ends(then: "listen" | "unsubscribe" | "destroy"): Promise<boolean> {
  const child = fork(program, [then], { execArgv: ["--conditions=@workglow/source"] });
  const [heard] = await once(child, "message");
  expect(heard).toBe("INSERT");
  child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  return code === 0;
}

test("a subscription keeps its process running until it ends", async () => {
  expect(await ends("listen")).toBe(false);
  expect(await ends("unsubscribe")).toBe(true);
  expect(await ends("destroy")).toBe(true);
});
