import { html, nothing, type TemplateResult } from "lit-html";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { warningIcon } from "./icons.ts";

/** Before the library is open. */
export function openingView({ slow }: PageState): TemplateResult {
  return html`
    <div class="card opening">
      <p role="status">
        ${
          slow
            ? "Still opening. If another tab of this page is open, it may have to be closed first."
            : "Opening your documents …"
        }
      </p>
    </div>
  `;
}

/** Where the library cannot be opened: why, and what can be done. */
export function refusedView({ problem }: PageState, page: Page): TemplateResult {
  if (problem === undefined) return html``;
  return html`
    <section class="card refused" role="alert" aria-labelledby="refused-title">
      <h2 id="refused-title">${warningIcon} ${problem.title}</h2>
      <p>${problem.advice}</p>
      <p class="details">${problem.details}</p>
      <div class="buttons">
        <button class="button primary" type="button" @click=${() => void page.open("browser")}>
          Try again
        </button>
        ${
          problem.worksInMemory
            ? html`<button class="button" type="button" @click=${() => void page.open("memory")}>
                Go on without keeping anything
              </button>`
            : nothing
        }
      </div>
    </section>
  `;
}
