// Starts a server, says where it is, and waits to be killed.
import { startOwnServer } from "../servers/startOwnServer.ts";

const { url, port, logFile } = await startOwnServer();
process.send?.({ url, port, logFile });
setInterval(() => {}, 2 ** 30);
