import { createReadStream } from "node:fs";

/** A text file in pieces, so that a file of any size needs the memory of one. */
export function fileText(path: string): AsyncIterable<string> {
  return createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 16 });
}
