import { acceptDrops } from "./page/acceptDrops.ts";
import { Page } from "./page/Page.ts";

const root = document.getElementById("page") as HTMLElement;
const page = new Page(root, new URL(location.href).searchParams.get("q") ?? "");
acceptDrops(page);
void page.open("browser");
