import { type ContentWord, contentWords } from "@workglow/example-document-search-core";

/** A part of a text, and whether it is one of the words that were asked for. */
export interface ExcerptPiece {
  readonly text: string;
  readonly marked: boolean;
}

/**
 * The part of a text where most of the query's words stand, in about `length` UTF-16 units, with
 * these words marked in any of their forms.
 */
export function excerptOf(text: string, query: string, length: number): ExcerptPiece[] {
  const line = text.replace(/\s+/gu, " ").trim();
  const wanted = new Set(Array.from(contentWords(query), ({ stem }) => stem));
  const found = [...contentWords(line)].filter(({ stem }) => wanted.has(stem));
  const { start, end } = windowOf(line, found, length);
  const pieces: ExcerptPiece[] = [];
  const add = (piece: string, marked: boolean): void => {
    if (piece !== "") pieces.push({ text: piece, marked });
  };
  if (start > 0) add("… ", false);
  let at = start;
  for (const word of found) {
    if (word.start < start || word.end > end) continue;
    add(line.slice(at, word.start), false);
    add(line.slice(word.start, word.end), true);
    at = word.end;
  }
  add(line.slice(at, end), false);
  if (end < line.length) add(" …", false);
  return pieces;
}

/** The window that holds most of the words, the first of them; it begins and ends between words. */
function windowOf(
  line: string,
  words: readonly ContentWord[],
  length: number,
): { start: number; end: number } {
  if (line.length <= length) return { start: 0, end: line.length };
  let best = { start: 0, count: 0 };
  for (const { start } of words) {
    const count = words.filter((word) => word.start >= start && word.end <= start + length).length;
    if (count > best.count) best = { start, count };
  }
  // Some words before the first one found make it readable.
  const wanted = Math.min(Math.max(0, best.start - Math.floor(length / 6)), line.length - length);
  const start = wanted === 0 ? 0 : line.indexOf(" ", wanted) + 1 || wanted;
  if (line.length - start <= length) return { start, end: line.length };
  const space = line.lastIndexOf(" ", start + length);
  return { start, end: space > start ? space : start + length };
}
