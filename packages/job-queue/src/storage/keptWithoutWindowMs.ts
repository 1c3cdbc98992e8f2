/** How long executions are kept where no window says for how long they matter: a week. */
export const KEPT_WITHOUT_WINDOW_MS = 7 * 24 * 3_600_000;
