import type { StorageRoom } from "@workglow/indexeddb";
import type { LeftOut } from "../library/addFiles.ts";
import type { Place } from "../library/library.ts";
import type { DocumentList } from "../library/listDocuments.ts";
import type { FoundDocument } from "../library/searchLibrary.ts";
import type { LibraryState } from "../worker/LibraryService.ts";
import type { Problem } from "./problems.ts";

/** Files on their way into the library. */
export interface Adding {
  readonly read: number;
  /** Absent while folders are still looked through. */
  readonly total?: number;
}

/** What became of the files that were added last. */
export interface Added {
  readonly added: number;
  readonly unchanged: number;
  /** Files that are no text. */
  readonly otherFiles: number;
  readonly leftOut: readonly LeftOut[];
}

export interface Results {
  readonly query: string;
  readonly documents: readonly FoundDocument[];
}

/** Everything that the page shows. */
export interface PageState {
  readonly phase: "opening" | "ready" | "refused";
  readonly place: Place;
  /** It takes longer than usual to open. */
  readonly slow: boolean;
  readonly library: LibraryState;
  readonly list: DocumentList;
  readonly query: string;
  readonly results?: Results;
  readonly adding?: Adding;
  readonly added?: Added;
  readonly dragging: boolean;
  /** Why the page cannot open, or what the last action met. */
  readonly problem?: Problem;
  /** Why indexing stands still. */
  readonly stuck?: Problem;
  readonly storage?: StorageRoom;
  /** The browser was asked to keep the data, and did not agree. */
  readonly keepRefused: boolean;
}

export const EMPTY_PAGE: PageState = {
  phase: "opening",
  place: "browser",
  slow: false,
  library: { documents: 0, failed: 0 },
  list: { documents: [], more: false },
  query: "",
  dragging: false,
  keepRefused: false,
};
