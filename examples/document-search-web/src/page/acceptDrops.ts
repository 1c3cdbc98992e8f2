import type { Page } from "./Page.ts";
import { filesOfDrop } from "./pickedFiles.ts";

/** Takes files and folders that are dropped anywhere on the page. */
export function acceptDrops(page: Page): void {
  let depth = 0;
  const over = (change: number): void => {
    depth = Math.max(0, depth + change);
    page.drag(depth > 0);
  };
  addEventListener("dragenter", (event) => {
    if (holdsFiles(event)) over(1);
  });
  addEventListener("dragleave", (event) => {
    if (holdsFiles(event)) over(-1);
  });
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    // Without this the browser would open the file in place of the page.
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    depth = 0;
    page.drag(false);
    void page.add(filesOfDrop(event.dataTransfer));
  });
}

function holdsFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}
