import { posix } from "node:path";
import type { Manifest } from "../userProgram.mjs";
import type { ModulesByPlace } from "./problemsOf.ts";

type Target = string | { readonly [condition: string]: Target };

/** The modules between which the packages' own `imports` choose by the condition `browser`. */
export function modulesByPlace(manifests: readonly Manifest[]): ModulesByPlace {
  const choices = manifests
    .flatMap(({ name, imports = {} }) =>
      Object.values(imports as Record<string, Target>).map((target) => ({
        browser: posix.join(name, fileIn(target, ["browser", "default"])),
        elsewhere: posix.join(name, fileIn(target, ["default"])),
      })),
    )
    .filter(({ browser, elsewhere }) => browser !== elsewhere);
  return {
    browser: choices.map(({ browser }) => browser),
    elsewhere: choices.map(({ elsewhere }) => elsewhere),
  };
}

function fileIn(target: Target, conditions: readonly string[]): string {
  if (typeof target === "string") return target;
  const condition = Object.keys(target).find((name) => conditions.includes(name)) ?? "default";
  return fileIn(target[condition] ?? "", conditions);
}
