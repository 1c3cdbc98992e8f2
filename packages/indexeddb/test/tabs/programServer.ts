import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleProgram } from "./bundleProgram.ts";

const root = join(import.meta.dirname, "../../../..");
const page = `<!doctype html><meta charset="utf-8"><title>Tab of a test</title>`;

let origin: Promise<string> | undefined;

/**
 * Where pages find a program. Programs load others by relative addresses, as in
 * `new Worker(new URL("./drain.worker.ts", import.meta.url), { type: "module" })`.
 *
 * The origin stays the same as long as this process lives: a browser that is started again finds
 * the data that it had stored.
 *
 * @param program the `file:` URL of a TypeScript file of this repository
 * @throws what esbuild throws where the program cannot be bundled
 */
export async function addressOf(program: URL): Promise<{ script: string; page: string }> {
  const path = fileURLToPath(program);
  await bundleProgram(path);
  origin ??= listen();
  const script = `${await origin}/${relative(root, path).replaceAll("\\", "/")}`;
  return { script, page: script.replace(/\.ts$/, ".html") };
}

/** On the loopback interface, which browsers hold to be a secure context. */
function listen(): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.unref();
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

async function answer({ url = "/" }: IncomingMessage, response: ServerResponse) {
  const { pathname } = new URL(url, "http://localhost");
  const { status, type, body } = await answerTo(decodeURIComponent(pathname));
  const headers = { "Content-Type": `${type}; charset=utf-8`, "Service-Worker-Allowed": "/" };
  response.writeHead(status, headers).end(body);
}

async function answerTo(path: string): Promise<{ status: number; type: string; body: string }> {
  if (path.endsWith(".html")) return { status: 200, type: "text/html", body: page };
  try {
    return { status: 200, type: "text/javascript", body: await bundleProgram(join(root, path)) };
  } catch (error) {
    return { status: 404, type: "text/plain", body: String(error) };
  }
}
