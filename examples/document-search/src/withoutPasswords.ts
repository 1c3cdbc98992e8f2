/** A text for people, in which the passwords of URLs are left out. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(/(:\/\/[^\s/:@]*):\S*@/gu, "$1:***@")
    .replaceAll(/([?&]password=)[^\s&]*/giu, "$1***");
}
