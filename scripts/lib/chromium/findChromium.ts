import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { Unavailable } from "../Unavailable.ts";

/**
 * The Chromium, Chrome or Edge of this machine: the one that WORKGLOW_CHROMIUM names, or the first
 * on the PATH or in the usual places, or the one that Playwright has downloaded.
 *
 * @throws Unavailable where WORKGLOW_CHROMIUM names a file that is not there.
 */
export function findChromium(): string | undefined {
  const named = process.env.WORKGLOW_CHROMIUM;
  if (!named) return [...usualPlaces(), chromium.executablePath()].find((path) => existsSync(path));
  if (!existsSync(named)) throw new Unavailable(`WORKGLOW_CHROMIUM is ${named}: no such file`);
  return named;
}

function usualPlaces(): string[] {
  if (process.platform === "darwin") return [...placesOnPath(), ...placesOnMac()];
  if (process.platform === "win32") return [...placesOnPath(), ...placesOnWindows()];
  return placesOnPath();
}

function placesOnPath(): string[] {
  const names = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];
  const folders = (process.env.PATH ?? "").split(delimiter).concat("/usr/bin").filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name)));
}

function placesOnMac(): string[] {
  const names = ["Chromium", "Google Chrome", "Microsoft Edge"];
  const folders = ["/Applications", join(homedir(), "Applications")];
  return names.flatMap((name) =>
    folders.map((folder) => join(folder, `${name}.app`, "Contents/MacOS", name)),
  );
}

function placesOnWindows(): string[] {
  const { LOCALAPPDATA, PROGRAMFILES, "PROGRAMFILES(X86)": programFiles32 } = process.env;
  const folders = [LOCALAPPDATA, PROGRAMFILES, programFiles32].filter((path) => path !== undefined);
  const programs = [
    "Chromium/Application/chrome.exe",
    "Google/Chrome/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
  ];
  return programs.flatMap((program) => folders.map((folder) => join(folder, program)));
}
