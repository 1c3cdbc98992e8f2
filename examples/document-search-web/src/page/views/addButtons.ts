import { html, nothing, type TemplateResult } from "lit-html";
import { manual } from "../manual.ts";
import type { Page } from "../Page.ts";
import { filesOfPicker } from "../pickedFiles.ts";

const ENDINGS = ".md,.markdown,.mdx,.txt,.text";
const picksFolders = "webkitdirectory" in HTMLInputElement.prototype;

/** The ways to add documents without dropping them. */
export function addButtons(page: Page, withManual: boolean): TemplateResult {
  const picked = ({ currentTarget }: Event): void => {
    const input = currentTarget as HTMLInputElement;
    const files = filesOfPicker(input.files ?? []);
    // So that the same choice can be made again.
    input.value = "";
    void page.add(Promise.resolve(files));
  };
  return html`
    <div class="buttons">
      <label class="button primary">
        <input class="for-ears" type="file" multiple accept=${ENDINGS} @change=${picked} />
        Choose files
      </label>
      ${
        picksFolders
          ? html`<label class="button">
              <input class="for-ears" type="file" webkitdirectory @change=${picked} />
              Choose a folder
            </label>`
          : nothing
      }
      ${
        withManual
          ? html`<button class="button quiet" type="button" @click=${() => void page.add(manual())}>
              Try it with a sample
            </button>`
          : nothing
      }
    </div>
  `;
}
