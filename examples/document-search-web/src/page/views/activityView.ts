import { html, nothing, type TemplateResult } from "lit-html";
import type { PageState } from "../PageState.ts";
import { countOf } from "../words.ts";

/** What the page is busy with: reading files, or working through the queue. */
export function activityView({ adding, library }: PageState): TemplateResult | typeof nothing {
  const { progress } = library;
  if (adding === undefined && progress === undefined) return nothing;
  return html`<div class="activity">
    ${
      adding === undefined
        ? nothing
        : html`<p id="adding">
              ${
                adding.total === undefined
                  ? "Looking through what you gave …"
                  : `Reading ${adding.read} of ${countOf(adding.total, "file")} …`
              }
            </p>
            ${barView("adding", adding.read, adding.total)}`
    }
    ${
      progress === undefined
        ? nothing
        : html`<p id="indexing">
              Indexed ${progress.done} of ${countOf(progress.total, "document")}
            </p>
            ${barView("indexing", progress.done, progress.total)}`
    }
  </div>`;
}

/** @param max absent where nobody knows yet */
function barView(labelId: string, value: number, max: number | undefined): TemplateResult {
  return max === undefined
    ? html`<progress aria-labelledby=${labelId}></progress>`
    : html`<progress aria-labelledby=${labelId} max=${Math.max(1, max)} value=${value}></progress>`;
}
