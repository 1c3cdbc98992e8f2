import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What is lost: the connection with the answer, or the answer alone. */
export type Loss = "connection" | "answer";

/** Between clients and a server; loses some of the server's answers when it is told to. */
export class LossyProxy implements AsyncDisposable {
  /** How many of a hundred answers are lost. */
  public percent = 0;
  /** How many have been. */
  public lost = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(serverPort: number, loss: Loss) {
    this.server = createServer((client) => {
      const server = connect(serverPort, "127.0.0.1");
      for (const socket of [client, server]) {
        this.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.on("data", (bytes) => void server.write(bytes));
      server.on("data", (bytes) => {
        if (Math.random() * 100 >= this.percent) {
          client.write(bytes);
          return;
        }
        this.lost++;
        if (loss === "connection") client.destroy();
      });
    });
  }

  public static async start(serverPort: number, loss: Loss): Promise<LossyProxy> {
    const proxy = new LossyProxy(serverPort, loss);
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  /** A URL of the server, by way of this proxy. */
  public url(serverUrl: string): string {
    const url = new URL(serverUrl);
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  public async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
