import { html, nothing, type TemplateResult } from "lit-html";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { countOf } from "../words.ts";
import { activityView } from "./activityView.ts";
import { documentsView } from "./documentsView.ts";
import { noticeView } from "./noticeView.ts";
import { openingView, refusedView } from "./openingView.ts";
import { promisesView } from "./promisesView.ts";
import { resultsView } from "./resultsView.ts";
import { searchView } from "./searchView.ts";
import { welcomeView } from "./welcomeView.ts";

/** The whole page. */
export function pageView(state: PageState, page: Page): TemplateResult {
  return html`
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <h1>Document search</h1>
      <p>Your text files, searched by meaning. They never leave this browser.</p>
      ${
        state.phase === "ready" && state.library.documents > 0
          ? html`<nav class="jump" aria-label="On this page">
              <a href="#documents-title">Go to your ${countOf(state.library.documents, "document")}</a>
            </nav>`
          : nothing
      }
    </header>
    <main id="main" tabindex="-1">${contentView(state, page)}</main>
    ${state.dragging ? html`<div class="drop-here" aria-hidden="true"><p>Drop to add</p></div>` : nothing}
  `;
}

function contentView(state: PageState, page: Page): TemplateResult {
  if (state.phase === "opening") return openingView(state);
  if (state.phase === "refused") return refusedView(state, page);
  if (state.library.documents === 0) {
    return html`${activityView(state)} ${noticeView(state, page)} ${welcomeView(state, page)}`;
  }
  return html`
    <div class="columns">
      <div class="find">
        ${searchView(state, page)} ${activityView(state)} ${noticeView(state, page)}
        ${state.results === undefined && state.query.trim() === "" ? promisesView(state.place) : resultsView(state)}
      </div>
      ${documentsView(state, page)}
    </div>
  `;
}
