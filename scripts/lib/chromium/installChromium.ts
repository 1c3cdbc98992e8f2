import { existsSync } from "node:fs";
import { isRoot } from "../isRoot.ts";
import { runToEnd } from "../runToEnd.ts";
import { Unavailable } from "../Unavailable.ts";

const aptGet = "/usr/bin/apt-get";
const installed = "/usr/bin/chromium";

/**
 * Installs Debian's Chromium, which takes some fifteen seconds.
 *
 * @param say is told what takes so long
 * @returns its path
 * @throws Unavailable where there is no root or no apt, or where apt's Chromium does not start, as
 *   that of Ubuntu, which is an empty shell around a snap.
 */
export async function installChromium(say: (line: string) => void): Promise<string> {
  if (!isRoot || !existsSync(aptGet)) {
    throw new Unavailable(
      "there is no Chromium: install Chrome or Chromium, or run `npx playwright install chromium`, or name one in WORKGLOW_CHROMIUM",
    );
  }
  say("Installing Chromium with apt (some fifteen seconds) …");
  try {
    await install();
    await runToEnd(installed, ["--version", "--no-sandbox"]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Unavailable(`apt brings no Chromium that starts: ${why}`, { cause: error });
  }
  return installed;
}

async function install() {
  const chromium = ["install", "--yes", "--no-install-recommends", "chromium"];
  // Container images come without apt's lists, and old lists name packages that are gone.
  await runApt(chromium).catch(async () => {
    await runApt(["update"]);
    await runApt(chromium);
  });
}

function runApt(args: readonly string[]) {
  const patience = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"];
  return runToEnd(aptGet, ["-qq", ...patience, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}
