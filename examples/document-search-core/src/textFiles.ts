const TEXT_ENDINGS = [".md", ".markdown", ".mdx", ".txt", ".text"];
const SKIPPED_FOLDERS = new Set([".git", "node_modules", "dist"]);

/** Whether a file's name is that of a text or Markdown file. */
export function isTextFile(name: string): boolean {
  const lower = name.toLowerCase();
  // A name that is an ending and nothing else is that of a hidden file.
  return TEXT_ENDINGS.some((ending) => lower.endsWith(ending) && lower.length > ending.length);
}

/** Whether a folder holds build output or installed packages, by its name. */
export function isSkippedFolder(name: string): boolean {
  return SKIPPED_FOLDERS.has(name);
}
