import type { PickedFiles } from "./pickedFiles.ts";

const pages = import.meta.glob<string>("../../../../docs/*.md", {
  query: "?raw",
  import: "default",
});

/** The manual of this project, for a visitor who has no files at hand. */
export async function manual(): Promise<PickedFiles> {
  const files = await Promise.all(
    Object.entries(pages).map(async ([source, load]) => {
      const name = source.slice(source.lastIndexOf("/") + 1);
      return { path: `manual/${name}`, file: new File([await load()], name) };
    }),
  );
  return { files, otherFiles: 0, leftOut: [] };
}
