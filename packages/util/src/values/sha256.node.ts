import { hash } from "node:crypto";

/** SHA-256 of the string as UTF-8, in 64 lower-case hexadecimal digits. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}
