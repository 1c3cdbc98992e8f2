import type { Report } from "@workglow/example-document-search-core";
import { proxy } from "comlink";
import { connect } from "../../src/worker/connect.ts";
import type { LibraryListener } from "../../src/worker/LibraryService.ts";

declare global {
  interface Window {
    /** The library of the page, asked as the command-line program is asked. */
    report(query: string, top: number): Promise<Report>;
  }
}

let fail: (error: Error) => void = () => undefined;
const broken = new Promise<never>((_, reject) => {
  fail = reject;
});
const { library } = connect((error) => fail(error));
const listener = proxy<LibraryListener>({ changed: () => undefined, stuck: () => undefined });
const opened = library.open("browser", listener);

window.report = async (query, top) => {
  await Promise.race([opened, broken]);
  return library.report(query, top);
};
