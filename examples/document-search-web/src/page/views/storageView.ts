import { html, nothing, type TemplateResult } from "lit-html";
import type { Page } from "../Page.ts";
import type { PageState } from "../PageState.ts";
import { sizeInWords } from "../words.ts";

/** How much is stored, and whether it stays when space runs out. */
export function storageView(
  { storage, place, keepRefused }: PageState,
  page: Page,
): TemplateResult | typeof nothing {
  if (place === "memory" || storage === undefined) return nothing;
  const { usage, quota, persistent } = storage;
  return html`
    <section class="storage" aria-labelledby="storage-title">
      <h3 id="storage-title">Storage</h3>
      <p>${sizeInWords(usage)} used of ${sizeInWords(quota)}.</p>
      ${
        persistent
          ? html`<p>Kept until you remove it: the browser will not clear it by itself.</p>`
          : html`<p>The browser may clear it when this device runs out of space.</p>
              <button class="button small" type="button" @click=${() => void page.keep()}>
                Keep my documents
              </button>`
      }
      ${
        keepRefused && !persistent
          ? html`<p class="hint">
              The browser did not agree. It often does after some more visits, or once the page is
              bookmarked or installed.
            </p>`
          : nothing
      }
    </section>
  `;
}
