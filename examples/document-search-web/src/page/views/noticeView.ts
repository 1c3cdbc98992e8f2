import { html, nothing, type TemplateResult } from "lit-html";
import type { Page } from "../Page.ts";
import type { Added, PageState } from "../PageState.ts";
import type { Problem } from "../problems.ts";
import { notAddedInWords } from "../words.ts";
import { warningIcon } from "./icons.ts";

/** What went wrong, and what was left out of the files that were added last. */
export function noticeView({ problem, stuck, added }: PageState, page: Page): TemplateResult {
  return html`
    <div role="alert">
      ${stuck === undefined ? nothing : problemView(stuck)}
      ${problem === undefined ? nothing : problemView(problem, page)}
    </div>
    ${added === undefined ? nothing : addedView(added, page)}
  `;
}

function problemView({ title, advice, details }: Problem, page?: Page): TemplateResult {
  return html`<div class="notice warning">
    <p><strong>${warningIcon} ${title}.</strong> ${advice}</p>
    <p class="details">${details}</p>
    ${page === undefined ? nothing : dismissButton(page)}
  </div>`;
}

function addedView(added: Added, page: Page): TemplateResult | typeof nothing {
  const { leftOut } = added;
  const words = notAddedInWords(added);
  if (words === "") return nothing;
  return html`<div class="notice">
    <p>${words}</p>
    ${
      leftOut.length === 0
        ? nothing
        : html`<details>
            <summary>Which, and why</summary>
            <ul>
              ${leftOut.map(({ path, reason }) => html`<li>${path}: ${reason}</li>`)}
            </ul>
          </details>`
    }
    ${dismissButton(page)}
  </div>`;
}

function dismissButton(page: Page): TemplateResult {
  return html`<button class="button quiet small" type="button" @click=${() => page.dismiss()}>
    Dismiss
  </button>`;
}
