import { html, type TemplateResult } from "lit-html";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { addButtons } from "./addButtons.ts";
import { sheetsDrawing } from "./icons.ts";
import { promisesView } from "./promisesView.ts";

/** While there are no documents. */
export function welcomeView({ place }: PageState, page: Page): TemplateResult {
  return html`
    <section class="welcome" aria-labelledby="welcome-title">
      ${sheetsDrawing}
      <h2 id="welcome-title" tabindex="-1">Add text files or a folder</h2>
      <p>
        <span class="with-mouse">Drop them anywhere on this page, or choose them.</span>
        Markdown and plain text, as many as you like.
      </p>
      ${addButtons(page, true)}
    </section>
    ${promisesView(place)}
  `;
}
