import { type Embedder, searchDocuments } from "@workglow/example-document-search-core";
import { type ExcerptPiece, excerptOf } from "./excerpt.ts";
import type { Library } from "./library.ts";
import { withoutMarkdown } from "./withoutMarkdown.ts";

const EXCERPT_LENGTH = 280;

export interface FoundDocument {
  readonly path: string;
  /** Cosine similarity of the query and the nearest chunk, at most 1. */
  readonly score: number;
  readonly excerpt: readonly ExcerptPiece[];
}

/**
 * The documents nearest to the query, with the words that both have marked. A passage that shares no
 * word with the query is near it by a collision of hashes alone: it is left out.
 */
export async function searchLibrary(
  library: Library,
  embedder: Embedder,
  query: string,
  limit: number,
): Promise<FoundDocument[]> {
  const results = await searchDocuments(library, embedder, query, limit);
  return results
    .map(({ path, score, text }) => ({
      path,
      score,
      excerpt: excerptOf(isMarkdown(path) ? withoutMarkdown(text) : text, query, EXCERPT_LENGTH),
    }))
    .filter(({ excerpt }) => excerpt.some(({ marked }) => marked));
}

function isMarkdown(path: string): boolean {
  return /\.(?:md|mdx|markdown)$/iu.test(path);
}
