import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { ListedDocument } from "../../library/listDocuments.ts";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { countOf, sizeInWords } from "../words.ts";
import { addButtons } from "./addButtons.ts";
import { removeIcon } from "./icons.ts";
import { pathView } from "./pathView.ts";
import { removeAllView } from "./removeAllView.ts";
import { storageView } from "./storageView.ts";

/** The documents that are there, and what can be done with them. */
export function documentsView(state: PageState, page: Page): TemplateResult {
  const { library, list } = state;
  const { documents, more } = list;
  return html`
    <section class="documents" id="documents" aria-labelledby="documents-title">
      <h2 id="documents-title" tabindex="-1">${countOf(library.documents, "document")}</h2>
      ${addButtons(page, false)}
      <p class="hint with-mouse">… or drop them anywhere on this page.</p>
      <ul role="list" aria-labelledby="documents-title">
        ${repeat(
          documents,
          ({ path }) => path,
          (document) => documentView(document, page),
        )}
      </ul>
      ${
        more
          ? html`<button class="button small" type="button" @click=${() => page.showMore()}>
              Show more
            </button>`
          : nothing
      }
      ${storageView(state, page)} ${removeAllView(library.documents, page)}
    </section>
  `;
}

function documentView(document: ListedDocument, page: Page): TemplateResult {
  const { path, status } = document;
  return html`
    <li class="document" data-status=${status}>
      <div>
        ${pathView(path)}
        <p class="facts">${factsOf(document)}</p>
      </div>
      <button
        class="button quiet round"
        type="button"
        aria-label="Remove ${path}"
        title="Remove"
        @click=${() => void page.remove(path)}
      >
        ${removeIcon}
      </button>
    </li>
  `;
}

function factsOf({ status, bytes, chunks = 0, reason = "" }: ListedDocument): string {
  const size = sizeInWords(bytes);
  switch (status) {
    case "indexed":
      return `${size}, ${countOf(chunks, "passage")}`;
    case "waiting":
      return `${size}, waiting`;
    case "indexing":
      return `${size}, being indexed …`;
    case "failed":
      return `Failed: ${reason}. Add the file again to retry.`;
  }
}
