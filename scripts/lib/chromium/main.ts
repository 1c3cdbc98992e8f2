// Finds or installs Chromium and prints its path; ends with 1 and the reason where there is none.
import { Unavailable } from "../Unavailable.ts";
import { chromium } from "./chromium.ts";

try {
  console.log(await chromium((line) => console.error(line)));
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
