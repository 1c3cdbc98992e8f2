import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { searchIcon } from "./icons.ts";

/** The field to search in; results follow while a person types. */
export function searchView({ query }: PageState, page: Page): TemplateResult {
  const typed = ({ currentTarget }: Event): void => {
    page.search((currentTarget as HTMLInputElement).value);
  };
  return html`
    <form role="search" class="search" @submit=${(event: Event) => event.preventDefault()}>
      <label for="query">What are you looking for?</label>
      <div class="field">
        ${searchIcon}
        <input
          id="query"
          type="search"
          autocomplete="off"
          enterkeyhint="search"
          spellcheck="false"
          aria-describedby="query-hint"
          .value=${live(query)}
          @input=${typed}
        />
      </div>
      <p id="query-hint" class="hint">Ask a question or name a topic. Results appear as you type.</p>
    </form>
  `;
}
