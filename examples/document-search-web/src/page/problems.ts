/** Something that went wrong, in words for people: what it is, and what can be done. */
export interface Problem {
  readonly title: string;
  readonly advice: string;
  /** Whether the page can be used all the same, with everything kept in memory. */
  readonly worksInMemory: boolean;
  /** What the program itself says. */
  readonly details: string;
}

type Words = Pick<Problem, "title" | "advice" | "worksInMemory">;

const FULL: Words = {
  title: "There is no room left",
  advice:
    "The browser gives this page no more space. Remove some documents, or free space on this device; indexing then goes on by itself.",
  worksInMemory: false,
};
const WAITING: Words = {
  title: "Another tab is in the way",
  advice:
    "It is busy with the documents, or has an older version of this page. Close or reload the other tabs of this page, then try again.",
  worksInMemory: false,
};
const REFUSED: Words = {
  title: "This browser keeps nothing for this page",
  advice:
    "Private windows, and settings that block cookies and site data, do that. Allow site data for this page and try again, or go on without: then everything is gone when the tab is closed.",
  worksInMemory: true,
};
const UNKNOWN: Words = {
  title: "Something went wrong",
  advice: "Try again. If it stays like this, reload the page; your documents are kept.",
  worksInMemory: true,
};

/** By the error's name, which is all of its kind that comes through from the worker. */
const BY_NAME: Readonly<Record<string, Words>> = {
  StorageFullError: FULL,
  StorageBusyError: WAITING,
  StorageTimeoutError: WAITING,
  StorageReadOnlyError: REFUSED,
  StorageUnsupportedError: REFUSED,
};

/** An error of any call to the library, for people. */
export function problemOf({ name, message }: { name: string; message: string }): Problem {
  return { ...(BY_NAME[name] ?? UNKNOWN), details: message };
}

/** Where a page is served without encryption, browsers withhold what this one needs. */
export const INSECURE: Problem = {
  title: "This page needs a secure address",
  advice: "Open it with an address that begins with https://, or on this machine at localhost.",
  worksInMemory: false,
  details: "crypto.subtle and navigator.locks are for secure contexts only.",
};
