/** A passage of Markdown as it reads, without the signs of its headings, links, tables and code. */
export function withoutMarkdown(text: string): string {
  return text
    .replaceAll(/^[ \t]*(?:```|~~~).*$/gmu, "")
    .replaceAll(/^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+.*$/gmu, "")
    .replaceAll(/^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+/gmu, "")
    .replaceAll(/!?\[([^\]\n]*)\]\([^)\s]*\)/gu, "$1")
    .replaceAll(/^[ \t]*\|[ \t]?|[ \t]?\|[ \t]*$/gmu, "")
    .replaceAll(" | ", ", ")
    .replaceAll(/\*\*|`/gu, "");
}
