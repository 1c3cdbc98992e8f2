import type { Embedder } from "./embed.ts";
import type { Library } from "./library.ts";

export interface SearchResult {
  readonly path: string;
  readonly score: number;
  readonly text: string;
}

/** The documents whose best chunk is nearest to `query`, best first, each once. */
export async function searchDocuments(
  library: Library,
  embedder: Embedder,
  query: string,
  limit = 5,
): Promise<SearchResult[]> {
  const vector = await embedder.embed(query);
  const results = new Map<string, SearchResult>();
  const page = limit * 4;
  for (let offset = 0; results.size < limit; offset += page) {
    const found = await library.chunks.similaritySearch(vector, {
      topK: page,
      offset,
      select: ["path", "metadata"],
    });
    for (const { path, score, metadata } of found) {
      if (results.size < limit && !results.has(path)) {
        results.set(path, { path, score, text: metadata.text });
      }
    }
    if (found.length < page) break;
  }
  return [...results.values()];
}
