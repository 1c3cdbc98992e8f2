import { requestPersistence, storageRoom } from "@workglow/indexeddb";
import { proxy, type Remote } from "comlink";
import { render } from "lit-html";
import type { Place } from "../library/library.ts";
import { type Connection, connect } from "../worker/connect.ts";
import type { LibraryListener, LibraryService, LibraryState } from "../worker/LibraryService.ts";
import { addInBatches } from "./addInBatches.ts";
import { announce } from "./announce.ts";
import { EMPTY_PAGE, type PageState } from "./PageState.ts";
import type { PickedFiles } from "./pickedFiles.ts";
import { INSECURE, problemOf } from "./problems.ts";
import { pageView } from "./views/pageView.ts";
import { countOf, notAddedInWords } from "./words.ts";

const MOST_RESULTS = 20;
const DOCUMENTS_A_LIST = 50;
const TYPING_PAUSE_MS = 120;
const SLOW_AFTER_MS = 2500;

/** Holds what the page shows, and does what its controls ask for. */
export class Page {
  private readonly root: HTMLElement;
  private connection: Connection | undefined;
  private state: PageState;
  private listLimit = DOCUMENTS_A_LIST;
  private refreshing: Promise<void> | undefined;
  private refreshAgain = false;
  /** The place in the list of the document that is being removed. */
  private removing: number | undefined;
  private typing: ReturnType<typeof setTimeout> | undefined;

  public constructor(root: HTMLElement, query: string) {
    this.root = root;
    this.state = { ...EMPTY_PAGE, query };
  }

  /** Opens the library. What is in the way of that is shown, with what can be done about it. */
  public async open(place: Place): Promise<void> {
    if (!isSecureContext) return this.show({ phase: "refused", problem: INSECURE });
    this.show({ phase: "opening", place, slow: false, problem: undefined });
    const timer = setTimeout(() => this.show({ slow: true }), SLOW_AFTER_MS);
    try {
      // A worker that could not open the library before may be one that cannot start.
      this.connection?.close();
      this.connection = connect((error) => this.refuse(error));
      const listener = proxy<LibraryListener>({
        changed: (state) => this.changed(state),
        stuck: (error) => this.stuck(error),
      });
      const library = await this.library.open(place, listener);
      this.show({ phase: "ready", library });
      await this.refresh();
    } catch (error) {
      this.refuse(error as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  public search(query: string): void {
    this.show({ query });
    clearTimeout(this.typing);
    this.typing = setTimeout(() => void this.findAndAnnounce(), TYPING_PAUSE_MS);
  }

  public drag(dragging: boolean): void {
    if (dragging !== this.state.dragging) this.show({ dragging });
  }

  /** @param picking what was picked, which may take a while to look through */
  public async add(picking: Promise<PickedFiles>): Promise<void> {
    this.show({ adding: { read: 0 }, added: undefined, problem: undefined });
    try {
      const { files, otherFiles, leftOut } = await picking;
      const total = files.length;
      const outcome = await addInBatches(this.library, files, (read) =>
        this.show({ adding: { read, total } }),
      );
      const added = { ...outcome, otherFiles, leftOut: [...leftOut, ...outcome.leftOut] };
      this.show({ added });
      announce("adding", `${countOf(added.added, "document")} added. ${notAddedInWords(added)}`);
    } catch (error) {
      this.fail(error as Error);
    } finally {
      this.show({ adding: undefined });
      await this.refresh();
    }
  }

  public async remove(path: string): Promise<void> {
    this.removing = this.state.list.documents.findIndex((document) => document.path === path);
    await this.attempt(this.library.remove(path), `${path} removed.`);
    this.removing = undefined;
  }

  public async removeAll(): Promise<void> {
    this.show({ added: undefined });
    await this.attempt(this.library.removeAll(), "All documents removed.");
  }

  public showMore(): void {
    this.listLimit += DOCUMENTS_A_LIST;
    void this.refresh();
  }

  public async keep(): Promise<void> {
    const agreed = await requestPersistence();
    this.show({ keepRefused: !agreed, storage: await storageRoom() });
    announce(
      "storage",
      agreed ? "The browser keeps your documents." : "The browser did not agree.",
    );
  }

  public dismiss(): void {
    this.show({ added: undefined, problem: undefined });
  }

  private get library(): Remote<LibraryService> {
    if (this.connection === undefined) throw new Error("The library is not open.");
    return this.connection.library;
  }

  private changed(library: LibraryState): void {
    const before = this.state.library;
    this.show({ library });
    this.announceProgress(before, library);
    void this.refresh();
  }

  private stuck(error: { readonly name: string; readonly message: string } | undefined): void {
    this.show({ stuck: error === undefined ? undefined : problemOf(error) });
  }

  private async attempt(action: Promise<void>, done: string): Promise<void> {
    try {
      await action;
      announce("removing", done);
    } catch (error) {
      this.fail(error as Error);
    }
    await this.refresh();
  }

  /** Reads anew what is shown of the library; calls that come meanwhile are one more reading. */
  private refresh(): Promise<void> {
    this.refreshAgain = true;
    this.refreshing ??= this.readAnew();
    return this.refreshing;
  }

  private async readAnew(): Promise<void> {
    try {
      while (this.refreshAgain && this.state.phase === "ready") {
        this.refreshAgain = false;
        const [list, storage] = await Promise.all([
          this.library.list(this.listLimit),
          storageRoom(),
          this.find(),
        ]);
        this.show({ list, storage });
      }
    } catch (error) {
      this.fail(error as Error);
    } finally {
      this.refreshing = undefined;
    }
  }

  private async findAndAnnounce(): Promise<void> {
    rememberInAddress(this.state.query);
    try {
      await this.find();
      const { query, results } = this.state;
      if (results === undefined || results.query !== query) return;
      const n = results.documents.length;
      announce(
        "results",
        n === 0 ? `Nothing found for ${query}.` : `${countOf(n, "document")} found.`,
      );
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private async find(): Promise<void> {
    const { query, phase } = this.state;
    if (phase !== "ready") return;
    if (query.trim() === "") return this.show({ results: undefined });
    const documents = await this.library.search(query, MOST_RESULTS);
    // An answer that comes after the next question is of no use.
    if (query === this.state.query) this.show({ results: { query, documents } });
  }

  private announceProgress(before: LibraryState, now: LibraryState): void {
    if (before.progress === undefined && now.progress !== undefined) {
      announce("indexing", `Indexing ${countOf(now.progress.total, "document")}.`);
    }
    if (before.progress !== undefined && now.progress === undefined) {
      const failed = now.failed === 0 ? "" : ` ${countOf(now.failed, "document")} failed.`;
      announce("indexing", `Indexing is done.${failed}`);
    }
  }

  private fail(error: Error): void {
    this.show({ problem: problemOf(error) });
  }

  private refuse(error: Error): void {
    this.show({ phase: "refused", problem: problemOf(error) });
  }

  private show(changes: { [Name in keyof PageState]?: PageState[Name] | undefined }): void {
    const before = this.state;
    const hadFocus = this.root.contains(document.activeElement);
    this.state = { ...before, ...changes } as PageState;
    render(pageView(this.state, this), this.root);
    const lostFocus = hadFocus && document.activeElement === document.body;
    if (lostFocus) this.placeFocus(before.library.documents === 0);
  }

  /** The control that had the focus is gone: what people are likely to want next gets it. */
  private placeFocus(wasEmpty: boolean): void {
    const find = (selector: string): HTMLElement | null => this.root.querySelector(selector);
    // On a phone the field would bring up the keyboard, over what there is to see.
    const field = wasEmpty && matchMedia("(hover: hover)").matches ? find("#query") : null;
    (this.neighbourOfRemoved() ?? field ?? find("h2[tabindex]") ?? find("#main"))?.focus();
  }

  /** The button of the document that has taken the place of one that is being removed. */
  private neighbourOfRemoved(): HTMLElement | undefined {
    if (this.removing === undefined) return undefined;
    const buttons = this.root.querySelectorAll<HTMLElement>(".document button");
    return buttons[Math.min(this.removing, buttons.length - 1)];
  }
}

/** A reload, and a bookmark, ask the same question again. */
function rememberInAddress(query: string): void {
  const address = new URL(location.href);
  if (query.trim() === "") address.searchParams.delete("q");
  else address.searchParams.set("q", query);
  history.replaceState(null, "", address);
}
