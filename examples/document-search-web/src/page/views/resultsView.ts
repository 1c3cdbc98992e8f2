import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { FoundDocument } from "../../library/searchLibrary.ts";
import type { PageState } from "../PageState.ts";
import { countOf } from "../words.ts";
import { pathView } from "./pathView.ts";

/** What was found. */
export function resultsView({ results, library }: PageState): TemplateResult | typeof nothing {
  if (results === undefined) return nothing;
  const { query, documents } = results;
  return html`
    <section class="results" data-query=${query} aria-labelledby="results-title">
      <h2 id="results-title">
        ${documents.length === 0 ? `Nothing found for “${query.trim()}”` : `${countOf(documents.length, "document")} found`}      </h2>
      ${
        documents.length === 0
          ? html`<p>
              None of your ${countOf(library.documents, "document")} shares a word with it. Try other
              words: most forms of a word are found, words of the same meaning are not.
              ${library.progress === undefined ? nothing : "Some documents are not indexed yet."}
            </p>`
          : html`<ol role="list">
              ${repeat(documents, ({ path }) => path, resultView)}
            </ol>`
      }
    </section>
  `;
}

function resultView({ path, score, excerpt }: FoundDocument): TemplateResult {
  const percent = Math.max(0, Math.min(1, score)) * 100;
  return html`
    <li class="result">
      <h3>${pathView(path)}</h3>
      <p class="score">
        <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect class="whole" width="100" height="6" />
          <rect class="part" width=${percent} height="6" />
        </svg>
        <span class="for-ears">Score</span> ${score.toFixed(3)}
      </p>
      <p class="excerpt">
        ${excerpt.map(({ text, marked }) => (marked ? html`<mark>${text}</mark>` : text))}
      </p>
    </li>
  `;
}
