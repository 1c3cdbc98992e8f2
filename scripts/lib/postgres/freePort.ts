import { createServer } from "node:net";

/**
 * A port of the loopback interface that nothing listens on. It lies below those that systems hand
 * out to outgoing connections: a client that calls while its server is down could otherwise be
 * given that very port, and talk to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
