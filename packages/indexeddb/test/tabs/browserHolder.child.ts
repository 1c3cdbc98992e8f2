// Starts a browser, tells the number of its process and holds it until it is killed itself.
import { Browser } from "./Browser.ts";

const browser = await Browser.start();
await browser.openTab(new URL("./neighbour.page.ts", import.meta.url));
process.send?.({ pid: browser.pid, userDataDir: browser.userDataDir });
setInterval(() => {}, 2 ** 30);
