import type { Report } from "@workglow/example-document-search-core";
import type { AddedFiles, GivenFile } from "../library/addFiles.ts";
import type { Place } from "../library/library.ts";
import type { DocumentList } from "../library/listDocuments.ts";
import type { Progress } from "../library/progress.ts";
import type { FoundDocument } from "../library/searchLibrary.ts";

/** What a page shows of the library at any time. */
export interface LibraryState {
  readonly documents: number;
  readonly failed: number;
  /** Absent where nothing is left to do. */
  readonly progress?: Progress;
}

/** Told after every change, whichever tab made it. */
export interface LibraryListener {
  changed(state: LibraryState): void;
  /** Indexing has stopped for a reason that lies outside the documents; it is tried again. */
  stuck(error: { readonly name: string; readonly message: string } | undefined): void;
}

/** What the worker does for the page. Errors keep their name and message on the way. */
export interface LibraryService {
  /** Opens the library; everything else waits for it. */
  open(place: Place, listener: LibraryListener): Promise<LibraryState>;
  add(files: readonly GivenFile[]): Promise<AddedFiles>;
  list(limit: number): Promise<DocumentList>;
  search(query: string, limit: number): Promise<FoundDocument[]>;
  remove(path: string): Promise<void>;
  removeAll(): Promise<void>;
  /** The same that the command-line program prints with `--json`; it took no time. */
  report(query: string, top: number): Promise<Report>;
}
