/** What this machine cannot run, and why. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
