import { createHash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { isSkippedFolder, isTextFile } from "@workglow/example-document-search-core";

export interface FoundFile {
  /** Relative to the folder, with "/" between its parts. */
  readonly path: string;
  readonly absolutePath: string;
}

/**
 * Text and Markdown files below a folder, one at a time. Links are not followed; a folder that
 * cannot be read is left out, unless it is the root.
 */
export async function* textFiles(
  root: string,
  onProblem: (path: string, error: unknown) => void = () => undefined,
  folder = root,
): AsyncGenerator<FoundFile> {
  for await (const entry of await entriesOf(folder, root, onProblem)) {
    const absolutePath = join(folder, entry.name);
    if (entry.isDirectory()) {
      // Build output and installed packages are left out unless the folder lies among them.
      const wanted = !isSkippedFolder(entry.name) || root.split(sep).includes("node_modules");
      if (wanted) yield* textFiles(root, onProblem, absolutePath);
    } else if (entry.isFile() && isTextFile(entry.name)) {
      yield { path: relative(root, absolutePath).split(sep).join("/"), absolutePath };
    }
  }
}

async function entriesOf(
  folder: string,
  root: string,
  onProblem: (path: string, error: unknown) => void,
): Promise<AsyncIterable<Dirent> | readonly Dirent[]> {
  try {
    return await opendir(folder);
  } catch (error) {
    if (folder === root) throw error;
    onProblem(relative(root, folder), error);
    return [];
  }
}

/** The manual and the READMEs of a repository. */
export async function* repositoryDocs(root: string): AsyncGenerator<FoundFile> {
  for await (const file of textFiles(root)) {
    if (file.path.startsWith(".")) continue;
    const name = file.path.split("/").at(-1) as string;
    if (file.path.startsWith("docs/") || name.toLowerCase() === "readme.md") yield file;
  }
}

/** SHA-256 of a file's bytes, in hex. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}
