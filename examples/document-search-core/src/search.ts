import type { Embedder } from "./embed.ts";
import type { ChunkStorage } from "./storages.ts";

export interface SearchResult {
  readonly path: string;
  readonly score: number;
  readonly text: string;
}

const MOST_CHUNKS = 2000;

/** The documents whose best chunk is nearest to `query`, best first, each once. */
export async function searchDocuments(
  { chunks }: { readonly chunks: ChunkStorage },
  embedder: Embedder,
  query: string,
  limit = 5,
): Promise<SearchResult[]> {
  const vector = await embedder.embed(query);
  const results = new Map<string, SearchResult>();
  for (let topK = limit * 4; ; topK *= 8) {
    const found = await chunks.similaritySearch(vector, {
      topK,
      select: ["path", "metadata"],
    });
    for (const { path, score, metadata } of found) {
      if (results.size < limit && !results.has(path)) {
        results.set(path, { path, score, text: metadata.text });
      }
    }
    // A document of very many chunks may fill the best places alone: then look further, but not
    // through everything.
    if (results.size === limit || found.length < topK || topK >= MOST_CHUNKS) break;
  }
  return [...results.values()];
}
