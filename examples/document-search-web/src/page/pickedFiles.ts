import { isSkippedFolder, isTextFile } from "@workglow/example-document-search-core";
import type { GivenFile, LeftOut } from "../library/addFiles.ts";

/** What was dropped or picked. */
export interface PickedFiles {
  /** The text files among it. */
  readonly files: readonly GivenFile[];
  /** How many other files there were. */
  readonly otherFiles: number;
  /** Files and folders that the browser could not look into. */
  readonly leftOut: readonly LeftOut[];
}

/** The files of a picker; those of a folder have paths that begin with the folder's name. */
export function filesOfPicker(list: Iterable<File>): PickedFiles {
  const given = [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return textFilesOf(given, []);
}

/**
 * The files that were dropped, and those in dropped folders at any depth.
 *
 * To be called while the event is handled: what was dropped can be read later, but no longer asked
 * for.
 */
export async function filesOfDrop(transfer: DataTransfer): Promise<PickedFiles> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const leftOut: LeftOut[] = [];
  const found = items.map((item) => {
    const entry = item.webkitGetAsEntry();
    if (entry !== null) return filesBelow(entry, leftOut);
    const file = item.getAsFile();
    return file === null ? [] : [{ path: file.name, file }];
  });
  return textFilesOf((await Promise.all(found)).flat(), leftOut);
}

/** @param leftOut takes what cannot be read */
async function filesBelow(entry: FileSystemEntry, leftOut: LeftOut[]): Promise<GivenFile[]> {
  const path = entry.fullPath.replace(/^\//u, "");
  try {
    if (isFile(entry)) {
      const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
      return [{ path, file }];
    }
    if (!isFolder(entry) || isSkippedFolder(entry.name)) return [];
    const files: GivenFile[] = [];
    for (const child of await entriesOf(entry)) files.push(...(await filesBelow(child, leftOut)));
    return files;
  } catch {
    leftOut.push({ path, reason: "the browser could not read it" });
    return [];
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const entries: FileSystemEntry[] = [];
  // It gives some of them at a time, and none when all were given.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return entries;
    entries.push(...some);
  }
}

function textFilesOf(files: readonly GivenFile[], leftOut: readonly LeftOut[]): PickedFiles {
  const wanted = files.filter(({ path }) => {
    const parts = path.split("/");
    const name = parts.pop() as string;
    return isTextFile(name) && !parts.some(isSkippedFolder);
  });
  return { files: wanted, otherFiles: files.length - wanted.length, leftOut };
}
