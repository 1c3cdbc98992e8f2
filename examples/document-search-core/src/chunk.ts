/** Longest chunk, in UTF-16 units. */
const MAX_LENGTH = 800;
/** A paragraph that reaches this length ends its chunk. */
const GOOD_LENGTH = 500;

/**
 * The chunks of a text that comes in pieces: a text of any length needs the memory of one chunk
 * and one piece, and how it was cut into pieces makes no difference. Chunks end between paragraphs
 * where they can, else between sentences, words, or anywhere.
 *
 * @param pieces none may end inside a character
 */
export async function* textChunks(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  let rest = "";
  let held = "";
  for await (const piece of pieces) {
    const text = held + piece;
    // The line feed that belongs to it may begin the next piece.
    held = text.endsWith("\r") ? "\r" : "";
    rest += clean(text.slice(0, text.length - held.length));
    while (rest.length > 2 * MAX_LENGTH) {
      const end = chunkEnd(rest);
      yield* nonEmpty(rest.slice(0, end));
      rest = rest.slice(end);
    }
  }
  rest += held;
  while (rest.length > MAX_LENGTH) {
    const end = chunkEnd(rest);
    yield* nonEmpty(rest.slice(0, end));
    rest = rest.slice(end);
  }
  yield* nonEmpty(rest);
}

/** Takes out what no storage keeps in a text. */
function clean(text: string): string {
  return text.replaceAll("\0", "").replaceAll("\r\n", "\n").toWellFormed();
}

function* nonEmpty(chunk: string): Generator<string> {
  const text = chunk.trim();
  if (text !== "") yield text;
}

function chunkEnd(text: string): number {
  const window = text.slice(0, MAX_LENGTH);
  for (const boundary of ["\n\n", "\n", ". ", " "]) {
    const first = window.indexOf(boundary, GOOD_LENGTH);
    const at = boundary === "\n\n" && first !== -1 ? first : window.lastIndexOf(boundary);
    if (at >= GOOD_LENGTH / 2) return at + boundary.length;
  }
  // Never between the halves of a surrogate pair.
  const last = window.charCodeAt(MAX_LENGTH - 1);
  return last >= 0xd800 && last <= 0xdbff ? MAX_LENGTH - 1 : MAX_LENGTH;
}
