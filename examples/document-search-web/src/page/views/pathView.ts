import { html, type TemplateResult } from "lit-html";

/** A path with its folders less loud than the name; it may be broken after each folder. */
export function pathView(path: string): TemplateResult {
  const folders = path.split("/");
  const name = folders.pop() as string;
  return html`<span class="path"
    >${folders.map((folder) => html`<span class="folder">${folder}/</span><wbr />`)}<span class="name"
      >${name}</span
    ></span
  >`;
}
