import type { Remote } from "comlink";
import type { AddedFiles, GivenFile, LeftOut } from "../library/addFiles.ts";
import type { LibraryService } from "../worker/LibraryService.ts";

const MOST_FILES = 100;
const MOST_BYTES = 16 * 2 ** 20;

/** Adds files so many at a time that none of the transactions is large. */
export async function addInBatches(
  library: Pick<Remote<LibraryService>, "add">,
  files: readonly GivenFile[],
  onRead: (read: number) => void,
): Promise<AddedFiles> {
  let added = 0;
  let unchanged = 0;
  const leftOut: LeftOut[] = [];
  let read = 0;
  onRead(read);
  for (const batch of batchesOf(files)) {
    const outcome = await library.add(batch);
    added += outcome.added;
    unchanged += outcome.unchanged;
    leftOut.push(...outcome.leftOut);
    read += batch.length;
    onRead(read);
  }
  return { added, unchanged, leftOut };
}

function* batchesOf(files: readonly GivenFile[]): Generator<GivenFile[]> {
  let batch: GivenFile[] = [];
  let bytes = 0;
  for (const given of files) {
    const full = batch.length === MOST_FILES || bytes + given.file.size > MOST_BYTES;
    if (full && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(given);
    bytes += given.file.size;
  }
  if (batch.length > 0) yield batch;
}
