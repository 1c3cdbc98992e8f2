import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Bundles a program as an application's bundler would, unused code left out, and runs it. */
async function runBundled(program: string): Promise<{ readonly message: string }> {
  const { outputFiles } = await build({
    // Where the packages can be imported by their names.
    stdin: { contents: program, resolveDir: join(root, "packages/sqlite"), loader: "ts" },
    bundle: true,
    treeShaking: true,
    write: false,
    format: "esm",
    platform: "node",
    conditions: ["@workglow/source"],
    logLevel: "silent",
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
  return import(`data:text/javascript;base64,${code}`);
}

const program = (packageName: string, format: string): string => `
  import ${JSON.stringify(packageName)};
  import { resolveSchemaInputs } from "@workglow/util";

  const schema = { type: "object", properties: { from: { format: ${JSON.stringify(format)} } } };
  export const message = await resolveSchemaInputs({ from: "nobody" }, schema).then(
    ({ from }) => "left as it was: " + from,
    (error) => error.message,
  );
`;

describe("a bare import, bundled", () => {
  test.each([
    ["@workglow/storage", "storage:kv"],
    ["@workglow/storage", "storage:tabular"],
    ["@workglow/storage", "storage:vector"],
    ["@workglow/job-queue", "storage:queue"],
  ])("of %s registers the resolver of %s", async (packageName, format) => {
    const { message } = await runBundled(program(packageName, format));
    expect(message).toMatch(/"nobody" not found in registry/);
  });

  test("of neither package leaves the formats unknown", async () => {
    const { message } = await runBundled(program("@workglow/util", "storage:kv"));
    expect(message).toBe("left as it was: nobody");
  });
});
