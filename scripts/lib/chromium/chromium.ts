import { findChromium } from "./findChromium.ts";
import { installChromium } from "./installChromium.ts";

/**
 * The path of a Chromium. The first call on a Debian machine or container without one installs it.
 *
 * @param say is told what takes so long
 * @throws Unavailable where there is none and none can be installed; says how to get one.
 */
export async function chromium(say: (line: string) => void = () => {}): Promise<string> {
  return findChromium() ?? (await installChromium(say));
}
