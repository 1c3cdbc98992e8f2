import type { DocumentTexts } from "@workglow/example-document-search-core";
import type { IndexJob, Library } from "./library.ts";

/** The texts of the files as they were given, which are let go once they are indexed. */
export function storedTexts({ sources, documents }: Library): DocumentTexts<IndexJob> {
  return {
    async open({ path }) {
      const source = await sources.get({ path });
      if (source === undefined) throw new Error("the document's content is gone");
      // Any byte order mark stays, as it does where files are read from a disk.
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(source.content);
      return () => [text];
    },
    async indexed(tx, { path }, chunks) {
      await sources.with(tx).delete({ path });
      await documents.with(tx).update({ path }, { chunks });
    },
  };
}
