import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>';

/** Serves a page with one script on the loopback interface. */
export async function servePage(script: string): Promise<PageServer> {
  const server = createServer(({ url }, response) => {
    // Isolated from other origins, a page has a clock of microseconds.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const isScript = url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : HTML);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
