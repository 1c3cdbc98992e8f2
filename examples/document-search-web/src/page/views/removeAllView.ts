import { html, type TemplateResult } from "lit-html";
import { createRef, ref } from "lit-html/directives/ref.js";
import type { Page } from "../Page.ts";
import { countOf } from "../words.ts";

const question = createRef<HTMLDialogElement>();

/** Removes all documents, after asking. */
export function removeAllView(documents: number, page: Page): TemplateResult {
  const confirmed = (): void => {
    question.value?.close();
    void page.removeAll();
  };
  return html`
    <button
      class="button quiet small danger"
      type="button"
      @click=${() => question.value?.showModal()}
    >
      Remove all documents
    </button>
    <dialog class="question" ${ref(question)} aria-labelledby="remove-all-title">
      <h2 id="remove-all-title">Remove ${countOf(documents, "document")}?</h2>
      <p>The index is deleted from this browser. Your own files stay as they are.</p>
      <div class="buttons">
        <button class="button" type="button" @click=${() => question.value?.close()}>
          Cancel
        </button>
        <button class="button danger" type="button" @click=${confirmed}>Remove all</button>
      </div>
    </dialog>
  `;
}
