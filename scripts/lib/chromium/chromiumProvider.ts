import { playwright } from "@vitest/browser-playwright";
import { launchOptions } from "./launchOptions.ts";
import { makeUserDataFolder } from "./makeUserDataFolder.ts";

/** Chromium for one of vitest's browser projects, which runs its files one after the other. */
export function chromiumProvider() {
  let folder: string | undefined;
  return playwright({
    launchOptions: {
      ...launchOptions,
      /** Known only after the global set-up, which may have to install it. */
      get executablePath() {
        return process.env.WORKGLOW_CHROMIUM;
      },
    },
    /** On a profile of its own, as a user's is: Playwright's other contexts keep IndexedDB in memory. */
    get persistentContext() {
      folder ??= makeUserDataFolder();
      return folder;
    },
  });
}
