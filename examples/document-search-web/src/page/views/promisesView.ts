import { html, type TemplateResult } from "lit-html";
import type { Place } from "../../library/library.ts";

/** What can be relied on, in the place where the documents are. */
export function promisesView(place: Place): TemplateResult {
  if (place === "memory") {
    return html`<p class="note">Nothing is kept: when you close this tab, everything is gone.</p>`;
  }
  return html`<ul class="promises" role="list">
    <li><strong>It stays.</strong> Reload or come back tomorrow: everything is still there.</li>
    <li><strong>Tabs work together.</strong> Open a second one: it follows, and helps.</li>
    <li><strong>Nothing is lost.</strong> Close the page while it works, and it goes on later.</li>
  </ul>`;
}
