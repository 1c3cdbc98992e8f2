import { html } from "lit-html";

// Drawings say nothing that the words beside them do not.

export const searchIcon = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <circle cx="10.5" cy="10.5" r="6.5" />
  <path d="m15.5 15.5 5 5" />
</svg>`;

export const removeIcon = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M6 6l12 12M18 6 6 18" />
</svg>`;

export const warningIcon = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M12 4 2.8 20h18.4z" />
  <path d="M12 10v5M12 17.5v.2" />
</svg>`;

export const sheetsDrawing = html`<svg class="drawing" viewBox="0 0 120 84" aria-hidden="true">
  <g class="sheet" transform="rotate(-9 40 46)">
    <rect x="18" y="14" width="44" height="58" rx="4" />
    <path d="M26 28h28M26 38h22M26 48h26" />
  </g>
  <g class="sheet" transform="rotate(6 74 44)">
    <rect x="50" y="10" width="44" height="58" rx="4" />
    <path d="M58 24h28M58 34h20M58 44h27M58 54h16" />
  </g>
  <g class="glass">
    <circle cx="88" cy="54" r="13" />
    <path d="m98 64 10 10" />
  </g>
</svg>`;
