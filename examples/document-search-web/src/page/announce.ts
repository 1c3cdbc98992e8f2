const PAUSE_MS = 700;
const waiting = new Map<Topic, string>();
let timer: ReturnType<typeof setTimeout> | undefined;

type Topic = "results" | "adding" | "removing" | "indexing" | "storage";

/**
 * Says something to those who hear the page instead of seeing it. Of messages on one topic that
 * come in quick succession (results while a person types) only the last is said.
 */
export function announce(topic: Topic, message: string): void {
  waiting.set(topic, message);
  clearTimeout(timer);
  timer = setTimeout(() => {
    const region = document.getElementById("announcements");
    if (region !== null) region.textContent = [...waiting.values()].join(" ");
    waiting.clear();
  }, PAUSE_MS);
}
